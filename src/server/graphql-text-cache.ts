/** What is remembered by a text, for as many characters of text as fit: a thousand large documents must not fill the memory. */

/** A parsed document takes about a hundred times its characters, its tokens included. */
const maxCharacters = 500_000
/** The longest are not worth it. */
const maxLength = 20_000

export class TextCache<Value> {
  readonly #values = new Map<string, Value>()
  #characters = 0

  get(text: string): Value | undefined {
    return this.#values.get(text)
  }

  /** When there is no room, the eldest go first. */
  set(text: string, value: Value): void {
    if (text.length > maxLength) return
    if (!this.#values.has(text)) this.#characters += text.length
    this.#values.set(text, value)
    for (const eldest of this.#values.keys()) {
      if (this.#characters <= maxCharacters) return
      this.#values.delete(eldest)
      this.#characters -= eldest.length
    }
  }
}
