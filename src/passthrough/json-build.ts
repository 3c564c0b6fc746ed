/** The values of a JSON text as `JSON.parse` makes them, in slices: a large body does not hold up the process. */
import { skipScalar, skipSpace, skipString } from './json-tokens.ts'
import type { Sliced } from './slices.ts'

type Container = unknown[] | Record<string, unknown>

/** Tokens between two looks at the clock. */
const tokensPerLook = 1024

export class JsonBuild implements Sliced {
  readonly #text: string
  #position = 0
  readonly #outer: Container[] = []
  #container: Container | undefined
  /** Of the object's value that comes next. */
  #key: string | undefined
  #root: unknown

  /** @param text valid JSON */
  constructor(text: string) {
    this.#text = text
  }

  /** What the text says, once the work is over. */
  get value(): unknown {
    return this.#root
  }

  advance(untilMs: number): boolean {
    do {
      for (let token = 0; token < tokensPerLook; token++) {
        this.#position = skipSpace(this.#text, this.#position)
        if (this.#position >= this.#text.length) return true
        this.#take(this.#text.charCodeAt(this.#position))
      }
    } while (performance.now() < untilMs)
    return false
  }

  #take(code: number): void {
    const start = this.#position
    if (code === 0x22) {
      this.#position = skipString(this.#text, start)
      this.#takeString(readString(this.#text, start, this.#position))
    } else if (code === 0x5b || code === 0x7b) {
      this.#position += 1
      this.#open(code === 0x5b ? [] : {})
    } else if (code === 0x5d || code === 0x7d) {
      this.#position += 1
      this.#container = this.#outer.pop()
    } else if (code === 0x2c || code === 0x3a) {
      this.#position += 1
    } else {
      this.#position = skipScalar(this.#text, start)
      this.#add(readScalar(this.#text.slice(start, this.#position)))
    }
  }

  #takeString(text: string): void {
    const isKey = this.#key === undefined && this.#container !== undefined && !Array.isArray(this.#container)
    if (isKey) this.#key = text
    else this.#add(text)
  }

  #open(container: Container): void {
    this.#add(container)
    if (this.#container !== undefined) this.#outer.push(this.#container)
    this.#container = container
  }

  #add(value: unknown): void {
    const container = this.#container
    const key = this.#key ?? ''
    this.#key = undefined
    if (container === undefined) this.#root = value
    else if (Array.isArray(container)) container.push(value)
    // It would set the prototype.
    else if (key === '__proto__') Object.defineProperty(container, key, { value, ...ordinary })
    else container[key] = value
  }
}

const ordinary = { enumerable: true, configurable: true, writable: true }

function readString(text: string, start: number, end: number): string {
  const inside = text.slice(start + 1, end - 1)
  return inside.includes('\\') ? (JSON.parse(text.slice(start, end)) as string) : inside
}

function readScalar(text: string): unknown {
  if (text === 'true') return true
  if (text === 'false') return false
  return text === 'null' ? null : Number(text)
}
