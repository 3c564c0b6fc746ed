/** Text with the escapes of JSON, programs, URLs and HTML undone, and where each part of it stands in what it was made of. */

/** `\r`, `\n` and NUL stand between the characters of wrapped and of UTF-16 text; in what is looked for they do not occur. */
const escapes =
  /(?:\\\\){2,}|\\(?:u(?:\{[\da-f]{1,6}\}|d[89ab][\da-f]{2}\\ud[c-f][\da-f]{2}|[\da-f]{4})|x[\da-f]{2}|[0-3][0-7]{2}|[^\0])|%(?:u[\da-f]{4}|[\da-f]{2})|&(?:#x[\da-f]{1,6};?|#\d{1,7};?|[a-z]{2,6};)|[\0\r\n]+/gi
/** The same, cut off. */
const partOfEscape =
  /(?:\\(?:u(?:[\da-f]{0,3}|\{[\da-f]{0,6}|d[89ab][\da-f]{2}(?:\\(?:u(?:d(?:[c-f][\da-f]?)?)?)?)?)|x[\da-f]?|[0-3][0-7]?)?|%(?:u[\da-f]{0,3}|[\da-f])?|&(?:#x?[\da-f]{0,7}|[a-z]{0,6}))$/i
const longestPart = 12

const entities = new Map(
  Object.entries({
    ...{ amp: '&', lt: '<', gt: '>', quot: '"', apos: "'", sol: '/', bsol: '\\', plus: '+', equals: '=', colon: ':' },
    ...{ semi: ';', comma: ',', period: '.', num: '#', dollar: '$', percnt: '%', lpar: '(', rpar: ')', ast: '*' },
    ...{ excl: '!', quest: '?', commat: '@', lsqb: '[', lbrack: '[', rsqb: ']', rbrack: ']', hat: '^', lowbar: '_' },
    ...{ grave: '`', lcub: '{', lbrace: '{', rcub: '}', rbrace: '}', vert: '|', verbar: '|', nbsp: ' ' },
  }),
)

/** Characters below U+0100 only: each is a byte. */
export class EscapedText {
  readonly text: string
  readonly #source: EscapedText | undefined
  /** Of each escape that was undone: where it stands here and in the source, four numbers each. */
  readonly #escapes: readonly number[]

  private constructor(text: string, source?: EscapedText, undone: readonly number[] = []) {
    this.text = text
    this.#source = source
    this.#escapes = undone
  }

  static of(bytes: Buffer): EscapedText {
    return new EscapedText(bytes.toString('latin1'))
  }

  /** One layer of escapes less; undefined when there is none. @param isCut what an escape at the end is a part of is left out */
  undo(isCut: boolean): EscapedText | undefined {
    const { text } = this
    const parts: string[] = []
    const undone: number[] = []
    let [done, length] = [0, 0]
    const take = (start: number, end: number, meaning: string) => {
      parts.push(text.slice(done, start), meaning)
      const at = length + start - done
      length = at + meaning.length
      undone.push(at, length, start, end)
      done = end
    }
    const part = isCut ? partOfEscape.exec(text.slice(-longestPart))?.[0] : undefined
    const end = text.length - (part?.length ?? 0)
    for (const { 0: written, index } of text.matchAll(escapes)) {
      if (index + written.length <= end) take(index, index + written.length, read(written))
    }
    if (part !== undefined) take(end, text.length, '')
    if (undone.length === 0) return undefined
    return new EscapedText(parts.join('') + text.slice(done), this, undone)
  }

  /** Where a part of this text stands in the bytes that it was made of at first. */
  originOf(start: number, end: number): readonly [start: number, end: number] {
    if (this.#source === undefined) return [start, end]
    return this.#source.originOf(this.#sourceOf(start)[0], this.#sourceOf(end - 1)[1])
  }

  /** Where the escapes stand in the source of this text. */
  *escapesInSource(): Generator<readonly [start: number, end: number]> {
    for (let at = 0; at < this.#escapes.length; at += 4) yield [this.#numberAt(at + 2), this.#numberAt(at + 3)]
  }

  #sourceOf(place: number): readonly [start: number, end: number] {
    const at = 4 * this.#countUpTo(place) - 4
    if (at < 0) return [place, place + 1]
    const end = this.#numberAt(at + 1)
    if (place < end) return [this.#numberAt(at + 2), this.#numberAt(at + 3)]
    const source = this.#numberAt(at + 3) + place - end
    return [source, source + 1]
  }

  /** Of the escapes, those that begin at a place or before it. */
  #countUpTo(place: number): number {
    let [low, high] = [0, this.#escapes.length / 4]
    while (low < high) {
      const middle = (low + high) >>> 1
      if (this.#numberAt(4 * middle) <= place) low = middle + 1
      else high = middle
    }
    return low
  }

  #numberAt(index: number): number {
    return this.#escapes[index] ?? 0
  }
}

function read(written: string): string {
  switch (written[0]) {
    case '\\':
      return readBackslash(written)
    case '%':
      return /u/i.test(written) ? writeCharacter(written.slice(2)) : byteOf(written.slice(1), 16)
    case '&':
      return readEntity(written)
    default:
      return ''
  }
}

function readBackslash(written: string): string {
  if (written.startsWith('\\\\')) return '\\'.repeat(written.length / 2)
  const digits = written.slice(2)
  if (/^\\u./i.test(written)) {
    const units = digits.split(/\\u/i).map(unit => Number.parseInt(unit.replace(/[{}]/g, ''), 16))
    return units.length === 2 ? writeUtf8(String.fromCharCode(...units)) : writeCodePoint(units[0] ?? 0)
  }
  if (/^\\x./i.test(written)) return byteOf(digits, 16)
  if (/^\\\d{3}/.test(written)) return byteOf(written.slice(1), 8)
  return written.slice(1)
}

function readEntity(entity: string): string {
  const name = entity.slice(1).replace(';', '').toLowerCase()
  if (name.startsWith('#x')) return writeCharacter(name.slice(2))
  if (name.startsWith('#')) return writeCodePoint(Number(name.slice(1)))
  return entities.get(name) ?? entity
}

function byteOf(digits: string, radix: number): string {
  return String.fromCharCode(Number.parseInt(digits, radix))
}

function writeCharacter(hex: string): string {
  return writeCodePoint(Number.parseInt(hex, 16))
}

function writeCodePoint(codePoint: number): string {
  return codePoint < 0x80
    ? String.fromCharCode(codePoint)
    : writeUtf8(String.fromCodePoint(Math.min(codePoint, 0x10ffff)))
}

function writeUtf8(text: string): string {
  return Buffer.from(text).toString('latin1')
}
