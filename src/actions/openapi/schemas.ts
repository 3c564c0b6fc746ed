/** The schemas of a document as JSON Schema 2020-12 for requests: what an action needs of them, within a size. */
import { isObject } from '../../passthrough/scalar.ts'
import { countSchemas } from '../schema-facts.ts'
import { explainLost, type Node, type OpenApiDocument, readPointer } from './document.ts'
import { convertSchema } from './schema.ts'

interface Converted {
  readonly schema: unknown
  readonly references: ReadonlySet<string>
  readonly length: number
  readonly schemas: number
}

/** What the schemas behind an action's references may be together: in characters of JSON, and to compile. */
const most = { length: 96 * 1024, schemas: 1000, definitions: 150 } as const
/** A schema of its own that is shorter stands where it is referred to. */
const maxInlineLength = 400
const maxHops = 20

export class DocumentSchemas {
  readonly document: OpenApiDocument
  readonly #warn: (warning: string) => void
  readonly #converted = new Map<string, Converted>()
  readonly #inline = new Map<string, boolean>()
  readonly #names = new Map<string, string>()
  readonly #taken = new Set<string>()

  /** @param warn told of what could not be kept, each thing once or more */
  constructor(document: OpenApiDocument, warn: (warning: string) => void) {
    this.document = document
    this.#warn = warn
  }

  /** @param references told of what the schema refers to and does not hold itself */
  convert(schema: unknown, references: Set<string>): unknown {
    return convertSchema(schema, {
      version: this.document.version,
      warn: this.#warn,
      refer: (reference, depth) => this.#refer(reference, references, depth),
      isReadOnly: property => this.#isReadOnly(property),
    })
  }

  /**
   * What the references lead to, nearest first: the schemas as `$defs`, and how many had to be left open because they
   * would be too much.
   */
  collect(references: ReadonlySet<string>): { $defs: Record<string, unknown>; open: number } {
    const $defs: Record<string, unknown> = {}
    const queue = [...references]
    const seen = new Set(queue)
    const used = { length: 0, schemas: 0, definitions: 0 }
    let open = 0
    for (const reference of queue) {
      const { schema, references: further, length, schemas } = this.#definition(reference)
      const fits =
        used.length + length <= most.length &&
        used.schemas + schemas <= most.schemas &&
        used.definitions < most.definitions
      $defs[this.#nameOf(reference)] = fits ? schema : {}
      if (!fits) open += 1
      else {
        used.length += length
        used.schemas += schemas
        used.definitions += 1
        for (const next of further) {
          if (seen.has(next)) continue
          seen.add(next)
          queue.push(next)
        }
      }
    }
    return { $defs, open }
  }

  #refer(written: string, references: Set<string>, depth: number): { schema: unknown; isInline: boolean } {
    const { reference, target } = this.#find(written)
    if (target === undefined) {
      const shown = JSON.stringify(written.slice(0, 200))
      this.#warn(`The reference ${shown} ${explainLost(written)}; anything is taken there.`)
      return { schema: {}, isInline: true }
    }
    if (depth < 20 && this.#isInline(reference, target)) {
      return { schema: this.convert(target, references), isInline: true }
    }
    references.add(reference)
    return { schema: { $ref: `#/$defs/${this.#nameOf(reference)}` }, isInline: false }
  }

  /** Past references that lead to nothing but another one; those that go round lead nowhere. */
  #find(written: string): { reference: string; target: unknown } {
    let reference = written
    for (let hop = 0; hop < maxHops; hop += 1) {
      const target = readPointer(this.document.root, reference)
      if (!isObject(target) || typeof target.$ref !== 'string' || Object.keys(target).length > 1) {
        return { reference, target }
      }
      reference = target.$ref
    }
    return { reference, target: undefined }
  }

  /** Not by following it: a chain of references may be longer than the stack. */
  #isInline(reference: string, target: unknown): boolean {
    const known = this.#inline.get(reference)
    if (known !== undefined) return known
    const text = JSON.stringify(target)
    const isInline = text.length <= maxInlineLength && !text.includes('"$ref"')
    this.#inline.set(reference, isInline)
    return isInline
  }

  #definition(reference: string): Converted {
    const known = this.#converted.get(reference)
    if (known !== undefined) return known
    const references = new Set<string>()
    const schema = this.convert(readPointer(this.document.root, reference), references)
    const converted = { schema, references, length: JSON.stringify(schema).length, schemas: countSchemas(schema) }
    this.#converted.set(reference, converted)
    return converted
  }

  /** The last step of the pointer, as far as a reference can hold it, and unique in the document. */
  #nameOf(reference: string): string {
    const known = this.#names.get(reference)
    if (known !== undefined) return known
    const last =
      reference
        .split('/')
        .at(-1)
        ?.replace(/%[0-9a-f]{2}|~[01]|[^A-Za-z0-9_.-]/gi, '_') || 'schema'
    let name = last.slice(0, 100)
    for (let count = 2; this.#taken.has(name) || name === '__proto__'; count += 1)
      name = `${last.slice(0, 100)}_${count}`
    this.#taken.add(name)
    this.#names.set(reference, name)
    return name
  }

  #isReadOnly(property: Node): boolean {
    if (property.readOnly === true) return true
    if (typeof property.$ref !== 'string') return false
    const target = readPointer(this.document.root, property.$ref)
    return isObject(target) && target.readOnly === true
  }
}
