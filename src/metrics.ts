/**
 * `tunstack/metrics`: a stack's counters for Prometheus, by `prom-client`.
 * @module
 */
export { type Instrumented, type InstrumentOptions, instrument } from './metrics/instrument.ts';
