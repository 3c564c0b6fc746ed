/** Whether a text is JSON, without making its values: millions of empty objects cost no more than as many characters. */
import { endOfScalar, endOfString, skipSpace } from './json-tokens.ts'
import type { Sliced } from './slices.ts'

/** What may come next. */
const value = 0
const firstValue = 1
const key = 2
const firstKey = 3
const separator = 4

const comma = 0x2c
const colon = 0x3a
const openBracket = 0x5b
const closeBracket = 0x5d
const openBrace = 0x7b
const closeBrace = 0x7d

/** Tokens between two looks at the clock. */
const tokensPerLook = 4096

/** Takes exactly the texts that `JSON.parse` takes. Not recursive: a body may be nothing but brackets. */
export class JsonCheck implements Sliced {
  readonly #text: string
  #position = 0
  #next = value
  /** What closes each of the values that are open, outermost first; 0 around all of them. */
  #closings = new Uint8Array(64)
  #depth = 0
  #isValid: boolean | undefined

  constructor(text: string) {
    this.#text = text
  }

  /** False, too, until it is over. */
  get isValid(): boolean {
    return this.#isValid === true
  }

  advance(untilMs: number): boolean {
    do {
      for (let token = 0; token < tokensPerLook && this.#isValid === undefined; token++) this.#take()
    } while (this.#isValid === undefined && performance.now() < untilMs)
    return this.#isValid !== undefined
  }

  /** One token; with a key its colon. */
  #take(): void {
    const next = this.#next
    const start = skipSpace(this.#text, this.#position)
    const code = this.#text.charCodeAt(start)
    if (next !== value && next !== key && code === this.#closings[this.#depth]) this.#close(start)
    else if (next === separator) this.#takeSeparator(start, code)
    else if (next === value || next === firstValue) this.#takeValue(start, code)
    else this.#takeKey(start)
  }

  #takeSeparator(start: number, code: number): void {
    if (this.#depth === 0) this.#isValid = start >= this.#text.length
    else if (code === comma) this.#go(start + 1, this.#closings[this.#depth] === closeBracket ? value : key)
    else this.#isValid = false
  }

  #takeKey(start: number): void {
    const end = endOfString(this.#text, start)
    const at = end === -1 ? -1 : skipSpace(this.#text, end)
    if (at !== -1 && this.#text.charCodeAt(at) === colon) this.#go(at + 1, value)
    else this.#isValid = false
  }

  #takeValue(start: number, code: number): void {
    if (code === openBracket) this.#open(start, closeBracket, firstValue)
    else if (code === openBrace) this.#open(start, closeBrace, firstKey)
    else {
      const end = endOfScalar(this.#text, start)
      if (end === -1) this.#isValid = false
      else this.#go(end, separator)
    }
  }

  #open(start: number, closing: number, next: number): void {
    this.#depth += 1
    if (this.#depth === this.#closings.length) {
      const larger = new Uint8Array(2 * this.#depth)
      larger.set(this.#closings)
      this.#closings = larger
    }
    this.#closings[this.#depth] = closing
    this.#go(start + 1, next)
  }

  #close(start: number): void {
    this.#depth -= 1
    this.#go(start + 1, separator)
  }

  #go(position: number, next: number): void {
    this.#position = position
    this.#next = next
  }
}
