/** Finds the parts of secrets in text, plain or in base64 or hex, whatever their case. */
import { formsOf } from '../auth/tokens/secret-mask.ts'
import { EscapedText } from './escaped-text.ts'
import { PieceTable } from './piece-table.ts'

/** So many characters of a secret in a row are found wherever they stand. */
const telling = 8
/** Shorter ones stand in many places by chance. */
const shortest = 4
const shortestBase64 = 6
/** What is written inside of what is written: JSON in JSON in a URL. */
const maxLayers = 5

export class SecretFinder {
  /** True when a secret has other characters than those of ASCII. */
  readonly isWide: boolean
  readonly #tables: readonly PieceTable[]
  readonly #beginnings: readonly Buffer[]
  readonly #tooShort: readonly Buffer[]

  constructor(secrets: readonly string[]) {
    this.isWide = !secrets.every(isAscii)
    const spellings = secrets.map(spellingsOf)
    const plain = unique(spellings.flatMap(({ texts }) => texts))
    const hex = unique(spellings.flatMap(({ hexes }) => hexes))
    this.#tooShort = plain.filter(text => text.length < shortest)
    const pieces = Map.groupBy(
      plain.filter(text => text.length >= shortest),
      text => Math.min(text.length, telling),
    )
    const hexPieces = Map.groupBy(hex, text => Math.min(text.length, 2 * telling))
    this.#tables = [...pieces, ...hexPieces].map(([length, texts]) => new PieceTable(length, texts))
    const beginnings = [...pieces, ...hexPieces].flatMap(([length, texts]) =>
      texts.map(text => text.subarray(0, length)),
    )
    this.#beginnings = unique(beginnings.map(text => text.toString('latin1')))
  }

  get isEmpty(): boolean {
    return this.#tables.length === 0 && this.#tooShort.length === 0
  }

  /** Where parts of secrets stand in it; null when it has a secret that is too short to be told from chance. */
  find(text: string): (readonly [start: number, end: number])[] | null {
    const bytes = fold(text)
    if (this.#tooShort.some(secret => bytes.includes(secret))) return null
    return this.#tables.flatMap(table => table.find(bytes))
  }

  /** Where the beginning of a secret starts that the text ends with; undefined when there is none. */
  findEnd(text: string): number | undefined {
    const end = fold(text.slice(-2 * telling))
    const lengths = this.#beginnings.map(beginning => {
      let length = Math.min(beginning.length - 1, end.length)
      while (length >= shortest && !end.subarray(-length).equals(beginning.subarray(0, length))) length -= 1
      return length
    })
    const longest = Math.max(0, ...lengths)
    return longest < shortest ? undefined : text.length - longest
  }

  /** Whether a part of a secret stands in it, escaped or not. */
  isIn(bytes: Buffer): boolean {
    if (this.isEmpty) return false
    for (const { text } of layersOf(bytes, false)) if (this.find(text)?.length !== 0) return true
    return false
  }
}

/** What is written, and under each layer of escapes what that means. */
export function* layersOf(bytes: Buffer, isCut: boolean): Generator<EscapedText> {
  let layer: EscapedText | undefined = EscapedText.of(bytes)
  for (let depth = 0; layer !== undefined && depth < maxLayers; depth += 1) {
    yield layer
    layer = layer.undo(isCut)
  }
}

interface Spellings {
  readonly texts: readonly string[]
  readonly hexes: readonly string[]
}

function spellingsOf(secret: string): Spellings {
  const digits = Buffer.from(secret).toString('base64').replace(/=+$/, '')
  const written = [...new Set([secret, ...formsOf(secret), secret.replaceAll('/', '\\/')])].filter(
    form => form !== digits,
  )
  const forms = written.map(form => Buffer.from(form))
  const wide = isAscii(secret) ? [] : wideFormsOf(secret)
  // What looks like an escape in the secret itself is undone with the others.
  const plain = [...forms, ...wide].flatMap(form => [...layersOf(form, false)].map(({ text }) => text))
  const base64 = forms.flatMap(base64sOf).filter(text => text.length >= shortestBase64)
  const hexes = forms.map(form => form.toString('hex')).filter(text => text.length >= telling)
  return { texts: [...plain.filter(text => text !== ''), digits, ...base64], hexes }
}

/** Between the bytes of ASCII in UTF-16 stands NUL, which is no part of a layer; others take both bytes. */
function wideFormsOf(secret: string): Buffer[] {
  const wide = Buffer.from(secret, 'utf16le')
  return [wide, Buffer.from(wide).swap16(), Buffer.from(secret, 'latin1')]
}

function isAscii(text: string): boolean {
  return Buffer.byteLength(text) === text.length
}

/** RFC 4648 §4: as it stands in base64 behind any number of other bytes, without the digits that those have a part in. */
function base64sOf(bytes: Buffer): string[] {
  return [0, 1, 2].map(before => {
    const length = before + bytes.length
    const digits = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64')
    return digits.slice(Math.ceil((before * 8) / 6), Math.floor((length * 8) / 6))
  })
}

/** Folded, each once. */
function unique(texts: readonly string[]): Buffer[] {
  const folded = new Set(texts.map(text => fold(text).toString('latin1')))
  return [...folded].map(text => Buffer.from(text, 'latin1'))
}

const foldedBytes = Uint8Array.from({ length: 256 }, (_, byte) => {
  const character = String.fromCharCode(byte)
  // The space of a form is a plus; base64 has two alphabets (RFC 4648 §5).
  if (/[+-]/.test(character)) return 0x20
  if (character === '_') return 0x2f
  return /[A-Z]/.test(character) ? byte + 0x20 : byte
})

/** Spellings that mean one thing are one. */
function fold(text: string): Buffer {
  const bytes = Buffer.from(text, 'latin1')
  for (let at = 0; at < bytes.length; at += 1) bytes[at] = foldedBytes[bytes[at] ?? 0] ?? 0
  return bytes
}
