/** The built-in integrations: every file in `entries/`, parsed when the process starts. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { IntegrationDefinition } from './entry.ts'
import { parseIntegration } from './parse.ts'

const entriesDir = join(import.meta.dirname, 'entries')

/** Immutable: a changed catalog is another one. */
export class Catalog {
  static #builtIn: Catalog | undefined
  readonly #bySlug: ReadonlyMap<string, IntegrationDefinition>
  readonly #unlisted: string | undefined

  private constructor(definitions: Iterable<IntegrationDefinition>, unlisted?: string) {
    this.#unlisted = unlisted
    const sorted = [...definitions].sort((a, b) => (a.slug < b.slug ? -1 : 1))
    this.#bySlug = new Map(sorted.map(definition => [definition.slug, definition]))
  }

  /** Reads the files once in a process. @throws {TypeError} on the first bad entry, naming its file: it is part of the program */
  static load(): Catalog {
    Catalog.#builtIn ??= new Catalog(listFiles().map(readEntry))
    return Catalog.#builtIn
  }

  get(slug: string): IntegrationDefinition | undefined {
    return this.#bySlug.get(slug)
  }

  /** Sorted by slug. */
  list(): readonly IntegrationDefinition[] {
    return [...this.#bySlug.values()].filter(({ slug }) => slug !== this.#unlisted)
  }

  /** Leaves one out of the list; those who have it find it still. */
  unlist(slug: string): Catalog {
    return new Catalog(this.#bySlug.values(), slug)
  }

  without(slug: string): Catalog {
    return new Catalog(this.list().filter(definition => definition.slug !== slug))
  }

  /** Adds a definition, or replaces the one with its slug. */
  with(definition: IntegrationDefinition): Catalog {
    return new Catalog([...this.without(definition.slug).list(), definition])
  }
}

function listFiles(): string[] {
  return readdirSync(entriesDir).filter(file => file.endsWith('.json'))
}

function readEntry(file: string): IntegrationDefinition {
  try {
    const definition = parseIntegration(JSON.parse(readFileSync(join(entriesDir, file), 'utf8')))
    if (`${definition.slug}.json` === file) return definition
    throw new TypeError(`its slug is "${definition.slug}", so the file should be called ${definition.slug}.json`)
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause)
    throw new TypeError(`The catalog entry ${file} is wrong: ${reason}`, { cause })
  }
}
