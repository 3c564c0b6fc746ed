/** Whether a number is a multiple of another, by their decimal digits: what JSON says, not what doubles are. */

/** A whole number times a power of ten. */
interface Decimal {
  readonly digits: bigint
  readonly exponent: number
}

/** @param step above zero */
export function isMultiple(value: number, step: number): boolean {
  if (!Number.isFinite(value)) return false
  const whole = readDecimal(value)
  const part = readDecimal(step)
  // Below 10^633, since a double has an exponent between -324 and 308.
  const exponent = Math.min(whole.exponent, part.exponent)
  return scale(whole, exponent) % scale(part, exponent) === 0n
}

/** The shortest digits that mean this double (ECMA-262 §6.1.6.1.20): for up to 15 of them those that were sent. */
function readDecimal(value: number): Decimal {
  const [, whole = '', fraction = '', power = '0'] = /^-?(\d+)(?:\.(\d+))?(?:e([+-]\d+))?$/.exec(String(value)) ?? []
  return { digits: BigInt(whole + fraction), exponent: Number(power) - fraction.length }
}

function scale({ digits, exponent }: Decimal, to: number): bigint {
  return digits * 10n ** BigInt(exponent - to)
}
