/** The flat input of an operation while it is put together: each field once, under a name of its own. */
import type { ActionParameter, JsonSchema } from '../action.ts'

export class InputFields {
  readonly parameters: ActionParameter[] = []
  readonly #properties = new Map<string, unknown>()
  readonly #required = new Set<string>()

  has(name: string): boolean {
    return this.#properties.has(name)
  }

  /**
   * The name of the new field: the one that is wanted, or, where another place has it already, with its own place behind
   * it: `id` of a path and `id_query`.
   */
  add(wanted: string, place: string, schema: unknown, isRequired: boolean): string {
    let name = wanted
    for (let count = 1; this.#properties.has(name) || name === '__proto__'; count += 1) {
      name = `${wanted}_${place}${count === 1 ? '' : count}`
    }
    this.#properties.set(name, schema)
    if (isRequired) this.#required.add(name)
    return name
  }

  schema(others: Readonly<Record<string, unknown>>): JsonSchema {
    const required = [...this.#required]
    return {
      type: 'object',
      properties: Object.fromEntries(this.#properties),
      ...(required.length === 0 ? {} : { required }),
      additionalProperties: false,
      ...others,
    }
  }
}
