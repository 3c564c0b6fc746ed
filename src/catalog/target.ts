/** Where a connection's requests may go: the definition's templates filled with the connection's config values. */
import type { AuthEntry } from '../auth/scheme.ts'
import { parseTemplate, renderTemplate } from '../auth/template.ts'
import { type ErrorDetail, GatewayError, invalidFields, invalidInput } from '../errors.ts'
import { isHostPattern, matchesHost } from '../hosts.ts'
import { type FieldUse, fieldUses, fillBaseUrl, parseBaseUrl } from './base-url.ts'
import { acceptConfigValue, type ConfigField } from './config-value.ts'
import type { IntegrationDefinition } from './entry.ts'
import { show } from './issues.ts'
import { neededConfig } from './needed-config.ts'

export interface Target {
  readonly baseUrl: URL
  /** Host patterns without placeholders; the base URL's host is among them. */
  readonly hosts: readonly string[]
}

/** The config fields that the base URL and the pinned hosts really name; only these must have a value. */
export function configFields(definition: IntegrationDefinition): string[] {
  return [...usesOf(definition).keys()]
}

/**
 * Config values as they are stored: numbers as text, whole URLs normalised, defaults filled in. What the workspace's
 * settings took the place of, and this way to authenticate does not need, may be any text.
 * @throws {GatewayError} INVALID_INPUT with one detail per field (`config.dc`) that is unknown, missing or wrong
 */
export function parseConfig(
  definition: IntegrationDefinition,
  config: Readonly<Record<string, unknown>> | undefined,
  entry?: AuthEntry,
): Record<string, string> {
  const known = Object.keys(definition.config ?? {})
  const takes = known.length === 0 ? 'takes no config values' : `takes the config values ${known.join(', ')}`
  const unknown = Object.keys(config ?? {})
    .filter(name => !known.includes(name))
    .map(name => ({ field: `config.${name}`, message: `config.${name} is unknown; ${definition.name} ${takes}.` }))
  const { values, details } = readConfig(heldBy(definition, entry), config ?? {})
  if (unknown.length + details.length > 0) throw invalidFields([...unknown, ...details])
  return values
}

/**
 * As {@link parseConfig}, while some values are still to come: what is given is checked before it decides about anything,
 * such as the host that a client secret goes to.
 * @throws {GatewayError} INVALID_INPUT with one detail per field that is unknown or wrong
 */
export function parseGivenConfig(
  definition: IntegrationDefinition,
  config: Readonly<Record<string, unknown>>,
  entry: AuthEntry,
): Record<string, string> {
  const known = Object.entries(definition.config ?? {}).filter(
    ([name, field]) => Object.hasOwn(config, name) || field.default !== undefined,
  )
  return parseConfig({ ...definition, config: Object.fromEntries(known) }, config, entry)
}

/** The stored values that would be taken today. */
export function keptConfig(
  definition: IntegrationDefinition,
  config: Readonly<Record<string, string>>,
  entry: AuthEntry,
): Record<string, string> {
  return readConfig(heldBy(definition, entry), config).values
}

/** The stored values that may decide where a secret goes: each is what its field, pattern and all, takes today. */
export function usableConfig(
  definition: IntegrationDefinition,
  config: Readonly<Record<string, string>>,
): Record<string, string> {
  return readConfig(definition, config).values
}

/**
 * Fills the templates. Stored values are checked again, since the definition may have changed; values it no longer
 * knows are ignored.
 * @throws {GatewayError} INVALID_INPUT as {@link parseConfig} does, and when the values make no plain URL
 * @throws {GatewayError} DESTINATION_NOT_ALLOWED when the base URL's host is outside the pinned hosts
 */
export function resolveTarget(
  definition: IntegrationDefinition,
  config: Readonly<Record<string, unknown>> | undefined,
  entry?: AuthEntry,
): Target {
  const { values, details } = readConfig(heldBy(definition, entry), config ?? {})
  if (details.length > 0) throw invalidFields(details)
  const template = parseBaseUrl(definition.baseUrl)
  const baseUrl = template && fillBaseUrl(template, values)
  if (baseUrl === undefined) {
    throw invalidInput(
      'config',
      `config got ${show(values)}; it takes values with which ${definition.baseUrl} is a URL in its usual spelling.`,
    )
  }
  const hosts = definition.hosts?.map(host => renderTemplate(parseTemplate(host), values).toLowerCase()) ?? [
    baseUrl.host,
  ]
  if (!hosts.every(isHostPattern) || !hosts.some(host => matchesHost(host, baseUrl))) {
    const message = `The base URL's host ${baseUrl.host} is outside the pinned hosts of ${definition.name} (${hosts.join(', ')}).`
    throw new GatewayError('DESTINATION_NOT_ALLOWED', message)
  }
  return { baseUrl, hosts }
}

function usesOf(definition: IntegrationDefinition): Map<string, FieldUse> {
  return fieldUses(definition.baseUrl, definition.hosts ?? [])
}

/** The definition without the patterns that nothing asks for, of this way to authenticate or, unless given, of any. */
function heldBy(definition: IntegrationDefinition, entry: AuthEntry | undefined): IntegrationDefinition {
  const { config = {}, auth } = definition
  if (!Object.values(config).some(({ isReleased }) => isReleased === true)) return definition
  const needed = new Set((entry === undefined ? auth : [entry]).flatMap(each => neededConfig(definition, each)))
  const held = Object.entries(config).map(([name, field]): [string, ConfigField] => {
    const { pattern: _, example: __, ...free } = field
    return [name, field.isReleased === true && !needed.has(name) ? free : field]
  })
  return { ...definition, config: Object.fromEntries(held) }
}

function readConfig(
  definition: IntegrationDefinition,
  config: Readonly<Record<string, unknown>>,
): { values: Record<string, string>; details: ErrorDetail[] } {
  const uses = usesOf(definition)
  const values: Record<string, string> = {}
  const details: ErrorDetail[] = []
  for (const [name, field] of Object.entries(definition.config ?? {})) {
    const own = Object.hasOwn(config, name) ? config[name] : undefined
    const given = own ?? field.default
    if (given === undefined && !uses.has(name)) continue
    const accepted = acceptConfigValue(field, uses.get(name), given)
    if ('value' in accepted) values[name] = accepted.value
    else
      details.push({
        field: `config.${name}`,
        message: `config.${name} got ${show(given)}; it takes ${accepted.takes}.`,
      })
  }
  return { values, details }
}
