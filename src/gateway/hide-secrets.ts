/** Takes what there is of secrets out of a body, without breaking the JSON that it may be. */
import { setImmediate } from 'node:timers/promises'
import { EscapedText } from './escaped-text.ts'
import { layersOf, type SecretFinder } from './secret-finder.ts'

export const redacted = '[redacted]'
const restingBytes = 16 * 1024

/** Of valid JSON: its texts, and what is written without quotes. */
const jsonScalars = /"[^"\\]*(?:\\.[^"\\]*)*"|[^\s"{}[\],:]+/g

/** Byte for byte, whatever the charset. Undefined when it has a secret that is too short to be told from chance. */
export async function hideSecrets(bytes: Buffer, finder: SecretFinder, isCut: boolean): Promise<Buffer | undefined> {
  if (finder.isEmpty) return bytes
  const hidden = new Uint8Array(bytes.length)
  for (const layer of layersOf(bytes, isCut)) {
    const found = finder.find(layer.text)
    if (found === null) return undefined
    for (const [start, end] of found) hidden.fill(1, ...layer.originOf(start, end))
    const cut = isCut ? finder.findEnd(layer.text) : undefined
    if (cut !== undefined) hidden.fill(1, layer.originOf(cut, cut + 1)[0])
    // Large ones take a while, and calls are under way.
    if (bytes.length > restingBytes) await setImmediate()
  }
  if (!hidden.includes(1)) return bytes
  widenToEscapes(bytes, hidden)
  return write(bytes, hidden, isCut ? [] : widenToScalars(bytes, hidden))
}

/** Half an escape would make what is left of a text another one, or none. */
function widenToEscapes(bytes: Buffer, hidden: Uint8Array): void {
  for (const [start, end] of EscapedText.of(bytes).undo(false)?.escapesInSource() ?? []) {
    if (hidden.subarray(start, end).includes(1)) hidden.fill(1, start, end)
  }
}

/** Where in JSON a number begins that is hidden, now as a whole. */
function widenToScalars(bytes: Buffer, hidden: Uint8Array): number[] {
  if (!isJson(bytes)) return []
  const starts: number[] = []
  for (const { 0: scalar, index } of bytes.toString('latin1').matchAll(jsonScalars)) {
    const end = index + scalar.length
    if (scalar.startsWith('"') || !hidden.subarray(index, end).includes(1)) continue
    hidden.fill(1, index, end)
    starts.push(index)
  }
  return starts
}

function isJson(bytes: Buffer): boolean {
  try {
    JSON.parse(bytes.toString())
    return true
  } catch {
    return false
  }
}

/** @param unquoted where a text is to stand in the place of a number */
function write(bytes: Buffer, hidden: Uint8Array, unquoted: readonly number[]): Buffer {
  const quoted = new Set(unquoted)
  const parts: Buffer[] = []
  for (let at = 0; at < bytes.length; ) {
    const isHidden = hidden[at] === 1
    const next = hidden.indexOf(isHidden ? 0 : 1, at)
    const end = next === -1 ? bytes.length : next
    const mark = quoted.has(at) ? `"${redacted}"` : redacted
    parts.push(isHidden ? Buffer.from(mark) : bytes.subarray(at, end))
    at = end
  }
  return Buffer.concat(parts)
}
