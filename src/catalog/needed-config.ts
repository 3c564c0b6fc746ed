/** The config values that a connection cannot do without, by the way it authenticates. */
import type { AuthEntry } from '../auth/scheme.ts'
import { placeholdersOf } from '../auth/template.ts'
import { type ErrorDetail, invalidFields } from '../errors.ts'
import { fieldUses } from './base-url.ts'
import type { IntegrationDefinition } from './entry.ts'

/** The fields that the base URL, the pinned hosts or an address of the scheme name; calls go without a place to revoke at. */
export function neededConfig(definition: IntegrationDefinition, entry: AuthEntry): string[] {
  const named = Object.entries(entry).flatMap(([key, value]) =>
    typeof value === 'string' && key !== 'revocationUrl' ? placeholdersOf(value) : [],
  )
  const needed = new Set([...fieldUses(definition.baseUrl, definition.hosts ?? []).keys(), ...named])
  return Object.keys(definition.config ?? {}).filter(name => needed.has(name))
}

/** @throws {GatewayError} INVALID_INPUT with one detail per field (`config.tenant`) that has neither value nor default */
export function requireConfig(
  definition: IntegrationDefinition,
  entry: AuthEntry,
  config: Readonly<Record<string, string>>,
): void {
  const missing = neededConfig(definition, entry).filter(name => config[name] === undefined)
  const details = missing.map((name): ErrorDetail => {
    const title = definition.config?.[name]?.title ?? name
    return { field: `config.${name}`, message: `config.${name} got nothing; it takes a value (${title}).` }
  })
  if (details.length > 0) throw invalidFields(details)
}
