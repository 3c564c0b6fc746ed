/** Finds where bytes have as many in a row as tell, of any of some texts: at the same cost for short and long texts. */

const base = 0x01000193
const mix = 0x9e3779b1

export class PieceTable {
  readonly #length: number
  readonly #texts: Buffer
  /** Where in the texts a piece stands, plus one; 0 for none. Pieces of one hash stand behind each other. */
  readonly #slots: Int32Array
  readonly #shift: number
  /** What the first byte of a piece adds to its hash. */
  readonly #weight: number

  /** @param length of a piece; no text is shorter */
  constructor(length: number, texts: readonly Buffer[]) {
    this.#length = length
    this.#texts = Buffer.concat(texts)
    const bits = Math.max(8, Math.ceil(Math.log2(this.#texts.length)) + 1)
    this.#slots = new Int32Array(2 ** bits)
    this.#shift = 32 - bits
    this.#weight = Array.from({ length }).reduce<number>(weight => Math.imul(weight, base), 1)
    let start = 0
    for (const text of texts) {
      this.#add(start, start + text.length)
      start += text.length
    }
  }

  /** In order, without overlaps. */
  find(bytes: Buffer): [start: number, end: number][] {
    const found: [start: number, end: number][] = []
    let hash = 0
    for (let end = 1; end <= bytes.length; end += 1) {
      hash = this.#roll(hash, bytes, end, 0)
      const start = end - this.#length
      if (start < 0 || this.#slots[this.#slotOf(hash, bytes, start)] === 0) continue
      const last = found.at(-1)
      if (last !== undefined && start <= last[1]) last[1] = end
      else found.push([start, end])
    }
    return found
  }

  #add(first: number, end: number): void {
    let hash = 0
    for (let at = first + 1; at <= end; at += 1) {
      hash = this.#roll(hash, this.#texts, at, first)
      const start = at - this.#length
      if (start >= first) this.#slots[this.#slotOf(hash, this.#texts, start)] = start + 1
    }
  }

  /** The hash of the piece that ends at `end`, of that which ends one byte before. */
  #roll(hash: number, bytes: Buffer, end: number, first: number): number {
    const gone = end - 1 - this.#length
    const next = (Math.imul(hash, base) + (bytes[end - 1] ?? 0)) | 0
    return gone < first ? next : (next - Math.imul(bytes[gone] ?? 0, this.#weight)) | 0
  }

  /** The slot that has the piece, or is free for it. */
  #slotOf(hash: number, bytes: Buffer, start: number): number {
    let slot = Math.imul(hash, mix) >>> this.#shift
    for (let at = this.#slots[slot] ?? 0; at !== 0; at = this.#slots[slot] ?? 0) {
      if (this.#isAt(at - 1, bytes, start)) return slot
      slot = (slot + 1) & (this.#slots.length - 1)
    }
    return slot
  }

  #isAt(place: number, bytes: Buffer, start: number): boolean {
    for (let at = 0; at < this.#length; at += 1) if (this.#texts[place + at] !== bytes[start + at]) return false
    return true
  }
}
