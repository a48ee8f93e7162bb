/**
 * Modules of Node with some of their exports replaced, and classes in Node's old manner.
 * @module
 */

/** Give a class Node's old manner: `Socket(options)` is `new Socket(options)`. */
export function callable<Class>(inner: new (...args: never[]) => object): Class {
  const outer = function construct(...args: never[]): object {
    return Reflect.construct(inner, args, new.target ?? outer);
  };
  Object.defineProperty(outer, 'name', { value: inner.name });
  outer.prototype = inner.prototype;
  Object.setPrototypeOf(outer, inner);
  return outer as unknown as Class;
}

/** All that `module` exports, but for what is replaced. Nothing of it is loaded that is not asked for. */
export function overlay<Module extends object>(module: Module, replaced: object): Module {
  const made = Object.create(module) as Module;
  for (const [name, value] of Object.entries(replaced)) {
    Object.defineProperty(made, name, { value, enumerable: true, writable: true });
  }
  return made;
}
