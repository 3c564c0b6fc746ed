/** Preloaded into a gateway's process: its clock differs from the machine's by `CLOCK_SHIFT_MS`. */
const shiftMs = Number(process.env.CLOCK_SHIFT_MS ?? 0)
const RealDate = Date

globalThis.Date = class extends RealDate {
  constructor(...parameters: ConstructorParameters<typeof RealDate> | []) {
    super(...((parameters.length === 0 ? [RealDate.now() + shiftMs] : parameters) as [number]))
  }
  static override now(): number {
    return RealDate.now() + shiftMs
  }
} as DateConstructor
