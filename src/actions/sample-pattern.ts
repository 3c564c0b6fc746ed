/** Texts that a pattern may match, for examples: the shortest that its parts allow, to be tried against the pattern itself. */

/** How far a part that may repeat is repeated beyond what it needs. */
const extras = [0, 1, 3, 10, 30] as const
const maxLength = 2000

/** Candidates only: anchors inside, look-arounds and back-references are not understood. */
export function samplePattern(pattern: string): string[] {
  return [...new Set(extras.map(extra => new Sampler(pattern, extra).read()))]
}

class Sampler {
  readonly #pattern: string
  readonly #extra: number
  #at = 0

  constructor(pattern: string, extra: number) {
    this.#pattern = pattern
    this.#extra = extra
  }

  read(): string {
    return this.#alternatives(0).slice(0, maxLength)
  }

  /** The first of them; the others are read and forgotten. */
  #alternatives(depth: number): string {
    const first = this.#sequence(depth)
    while (this.#take('|')) this.#sequence(depth)
    return first
  }

  #sequence(depth: number): string {
    let text = ''
    while (this.#at < this.#pattern.length && this.#peek() !== '|' && this.#peek() !== ')') {
      const part = this.#part(depth)
      const count = this.#count()
      if (text.length < maxLength) text += part.repeat(part === '' ? 0 : Math.min(count, maxLength))
    }
    return text
  }

  #part(depth: number): string {
    const character = this.#next()
    if (character === '^' || character === '$') return ''
    if (character === '.') return 'a'
    if (character === '\\') return this.#escape()
    if (character === '[') return this.#class()
    if (character !== '(' || depth > 50) return character
    const [prefix = ''] = /^\?(?::|P?<[A-Za-z_]\w*>|[a-z]+:)/.exec(this.#pattern.slice(this.#at)) ?? []
    this.#at += prefix.length
    const inner = this.#alternatives(depth + 1)
    this.#take(')')
    return inner
  }

  #escape(): string {
    const letter = this.#next()
    if (letter === 'b' || letter === 'B' || letter === 'A' || letter === 'z' || letter === 'Z') return ''
    if (letter === 'p' || letter === 'P') this.#at = Math.max(this.#at, this.#pattern.indexOf('}', this.#at) + 1)
    return escaped[letter] ?? letter
  }

  #class(): string {
    const start = this.#at
    if (this.#peek() === '^') this.#at += 1
    if (this.#peek() === ']') this.#at += 1
    while (this.#at < this.#pattern.length && this.#peek() !== ']') this.#at += this.#peek() === '\\' ? 2 : 1
    this.#at += 1
    return pickFrom(`[${this.#pattern.slice(start, this.#at)}`)
  }

  #count(): number {
    const character = this.#peek()
    if (character === '*' || character === '+') {
      this.#at += 1
      this.#take('?')
      return (character === '+' ? 1 : 0) + this.#extra
    }
    if (this.#take('?')) {
      this.#take('?')
      return Math.min(this.#extra, 1)
    }
    const [bounds, least = '', comma, most = ''] =
      /^\{(\d+)(,)?(\d*)\}/.exec(this.#pattern.slice(this.#at, this.#at + 20)) ?? []
    if (bounds === undefined) return 1
    this.#at += bounds.length
    this.#take('?')
    if (comma === undefined) return Number(least)
    return Math.min(Number(least) + this.#extra, most === '' ? maxLength : Number(most))
  }

  #peek(): string {
    return this.#pattern.charAt(this.#at)
  }

  #next(): string {
    this.#at += 1
    return this.#pattern.charAt(this.#at - 1)
  }

  #take(character: string): boolean {
    if (this.#peek() !== character) return false
    this.#at += 1
    return true
  }
}

const escaped: Readonly<Record<string, string>> = {
  d: '1',
  w: 'a',
  s: ' ',
  D: 'a',
  W: '-',
  S: 'a',
  p: 'A',
  P: '1',
  n: '\n',
  r: '\r',
  t: '\t',
}

const likely = [...'aA1bB0-_./:+@#= ']

/** One character of the class, a likely one before others. */
function pickFrom(characters: string): string {
  try {
    const one = new RegExp(`^${characters}$`, 'u')
    const found = likely.find(character => one.test(character))
    if (found !== undefined) return found
    for (let code = 33; code < 0x250; code += 1)
      if (one.test(String.fromCharCode(code))) return String.fromCharCode(code)
  } catch {
    // Not a class of ECMAScript: what it has been tried against will tell.
  }
  return 'a'
}
