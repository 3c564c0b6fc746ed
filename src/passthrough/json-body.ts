/** What may be a JSON body: checked, and read for queries, without holding up the process however large it is. */
import { JsonBuild } from './json-build.ts'
import { JsonCheck } from './json-check.ts'
import { QueryableJson } from './json-path.ts'
import { EmbeddedJson } from './json-text.ts'
import { runInSlices } from './slices.ts'

/** Characters of a text that `JSON.parse` reads in a few milliseconds, whatever is in it. */
const smallLength = 64 * 1024

/** Each view is made when it is first asked for, and once. Only those of a large text have to be waited for. */
export class JsonBody {
  readonly #text: string
  #embedded: EmbeddedJson | null | Promise<EmbeddedJson | null> | undefined
  #queryable: QueryableJson | null | Promise<QueryableJson | null> | undefined

  constructor(text: string) {
    this.#text = text
  }

  /** The text itself; null when it is not JSON. */
  embedded(): EmbeddedJson | null | Promise<EmbeddedJson | null> {
    if (this.#embedded === undefined) this.#embedded = this.#isSmall ? this.#embedSmall() : this.#check()
    return this.#embedded
  }

  /** What it says; null when it is not JSON. */
  queryable(): QueryableJson | null | Promise<QueryableJson | null> {
    if (this.#queryable === undefined) this.#queryable = this.#isSmall ? parse(this.#text) : this.#build()
    return this.#queryable
  }

  get #isSmall(): boolean {
    return this.#text.length <= smallLength
  }

  #embedSmall(): EmbeddedJson | null {
    return this.queryable() === null ? null : new EmbeddedJson(this.#text)
  }

  async #check(): Promise<EmbeddedJson | null> {
    const check = new JsonCheck(this.#text)
    await runInSlices(check)
    return check.isValid ? new EmbeddedJson(this.#text) : null
  }

  async #build(): Promise<QueryableJson | null> {
    if ((await this.embedded()) === null) return null
    const build = new JsonBuild(this.#text)
    await runInSlices(build)
    return new QueryableJson(this.#text, build.value)
  }
}

function parse(text: string): QueryableJson | null {
  try {
    return new QueryableJson(text, JSON.parse(text))
  } catch {
    return null
  }
}
