/**
 * The little of the WebAssembly interface that the stack uses, typed here because Node's types leave
 * it to the browser's.
 * @module
 */

export interface WasmMemory {
  /** Never detached here: no memory of ours is grown. */
  readonly buffer: ArrayBuffer;
}

interface WasmNamespace {
  Memory: new (size: { initial: number; maximum: number }) => WasmMemory;
  Module: new (code: Uint8Array) => object;
  Instance: new (
    module: object,
    imports: Record<string, Record<string, unknown>>,
  ) => { readonly exports: Record<string, unknown> };
  validate(code: Uint8Array): boolean;
}

/** Node's own, since version 8; SIMD since version 16. */
export const wasm: WasmNamespace = (globalThis as unknown as { WebAssembly: WasmNamespace })
  .WebAssembly; // the global is there on every Node that runs this; only its type is missing
