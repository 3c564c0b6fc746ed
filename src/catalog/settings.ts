/** A workspace's settings laid over a definition: the same integration at another address or with other scopes. */
import { isDeepStrictEqual } from 'node:util'
import type { AuthEntry, SchemeName } from '../auth/scheme.ts'
import { placeholdersOf } from '../auth/template.ts'
import { type ErrorDetail, invalidFields } from '../errors.ts'
import { parseBaseUrl } from './base-url.ts'
import type { ConfigField } from './config-value.ts'
import { type IntegrationDefinition, integrationSchema } from './entry.ts'
import { describeIssues } from './issues.ts'

/** Absent and null keep the definition's value. */
export interface IntegrationSettings {
  readonly baseUrl?: string | null | undefined
  /**
   * Absent although `baseUrl` is given: the pins are the host of that base URL alone. Where the base URL is a whole
   * `{field}`: what the field takes, in place of the definition's pattern.
   */
  readonly hosts?: readonly string[] | null | undefined
  readonly authorizationUrl?: string | null | undefined
  readonly tokenUrl?: string | null | undefined
  readonly scopes?: readonly string[] | null | undefined
}

const oauthFields = ['authorizationUrl', 'tokenUrl', 'scopes'] as const

/** Which settings a scheme has a use for. */
const usedBy: Readonly<Partial<Record<SchemeName, readonly (typeof oauthFields)[number][]>>> = {
  oauth2: oauthFields,
  clientCredentials: ['tokenUrl', 'scopes'],
  jwtBearer: ['tokenUrl', 'scopes'],
  twoStep: ['tokenUrl'],
  oauth1: ['authorizationUrl'],
}

/** What belongs to the vendor's own token endpoint and must not be asked on behalf of another. */
const ofTokenEndpoint: readonly string[] = ['refreshUrl', 'revocationUrl', 'revoke', 'issuer', 'sendsIssuer']
/** What is known of whoever answers at the vendor's own consent page. */
const ofConsentPage: readonly string[] = ['issuer', 'sendsIssuer']

/**
 * The definition as the workspace uses it; the given one stays as it is.
 * @throws {GatewayError} INVALID_INPUT with one detail per setting that is wrong, named as in the settings
 */
export function applySettings(definition: IntegrationDefinition, settings: IntegrationSettings): IntegrationDefinition {
  const oauth = pickGiven(settings, oauthFields)
  const place = pickGiven(settings, ['baseUrl', 'hosts'])
  if (Object.keys(oauth).length === 0 && Object.keys(place).length === 0) return definition
  const unused = Object.keys(oauth).filter(
    field => !definition.auth.some(({ scheme }) => usedBy[scheme]?.some(name => name === field)),
  )
  if (unused.length > 0) throw invalidFields(refuseOAuth(definition, unused))
  const { scopes: _, ...withoutScopes } = oauth
  const { hosts, ...rest } = definition
  const pinned = pinnedField(definition, place)
  const document = {
    ...rest,
    ...(place.baseUrl === undefined && hosts !== undefined ? { hosts } : {}),
    ...place,
    ...(pinned === undefined ? {} : { config: withoutSamples(definition.config, pinned) }),
    auth: definition.auth.map(entry => withOAuth(entry, keepsScopes(definition, entry) ? withoutScopes : oauth)),
  }
  const parsed = integrationSchema.safeParse(document)
  if (parsed.success) return withConfig(parsed.data, definition, pinned)
  throw invalidFields(describeIssues(parsed.error, document, '').map(renameField))
}

/** What end users consent to may not be for clients (`.default`, `impersonation`): a scheme with other scopes keeps them. */
function keepsScopes({ auth }: IntegrationDefinition, entry: AuthEntry): boolean {
  const consented = auth.find(({ scheme }) => scheme === 'oauth2')
  return consented !== undefined && !isDeepStrictEqual(scopesOf(entry), scopesOf(consented))
}

function scopesOf(entry: AuthEntry): readonly string[] | undefined {
  return 'scopes' in entry ? entry.scopes : undefined
}

function withOAuth(entry: AuthEntry, oauth: Partial<Record<(typeof oauthFields)[number], unknown>>): AuthEntry {
  const used = usedBy[entry.scheme] ?? []
  const own = Object.fromEntries(Object.entries(oauth).filter(([field]) => used.some(name => name === field)))
  const gone = [
    ...(own.tokenUrl === undefined ? [] : ofTokenEndpoint),
    ...(own.authorizationUrl === undefined ? [] : ofConsentPage),
  ]
  const kept = Object.fromEntries(Object.entries(entry).filter(([field]) => !gone.includes(field)))
  return { ...kept, ...own } as AuthEntry
}

/** The config field that is the whole base URL, when the workspace says which hosts it may lead to. */
function pinnedField(
  { baseUrl, config = {} }: IntegrationDefinition,
  place: { readonly baseUrl?: string; readonly hosts?: readonly string[] },
): string | undefined {
  const whole = parseBaseUrl(place.baseUrl ?? baseUrl)?.whole
  const isPinned = place.hosts?.every(host => placeholdersOf(host).length === 0)
  return isPinned && whole !== undefined && Object.hasOwn(config, whole) ? whole : undefined
}

/** Samples are of the definition's own hosts. */
function withoutSamples(config: IntegrationDefinition['config'], name: string): IntegrationDefinition['config'] {
  const { title = name, description, pattern = '.+' } = config?.[name] ?? {}
  return { ...config, [name]: { title, description, pattern } }
}

/** Marks what the settings decide of the config fields. */
function withConfig(
  applied: IntegrationDefinition,
  definition: IntegrationDefinition,
  pinned: string | undefined,
): IntegrationDefinition {
  const released = replacedFields(definition, applied)
  const config = Object.entries(applied.config ?? {}).map(([name, field]): [string, ConfigField] => {
    const { pattern: _, ...rest } = field
    if (name === pinned) return [name, { ...rest, hosts: applied.hosts }]
    return [name, released.has(name) ? { ...field, isReleased: true } : field]
  })
  return config.length === 0 ? applied : { ...applied, config: Object.fromEntries(config) }
}

/** The config fields of places in the definition that have another value, or none, in the workspace's use of it. */
function replacedFields(definition: IntegrationDefinition, applied: IntegrationDefinition): Set<string> {
  const kept = new Set(placesOf(applied))
  return new Set(placesOf(definition).flatMap(text => (kept.has(text) ? [] : placeholdersOf(text))))
}

function placesOf({ baseUrl, hosts = [], auth }: IntegrationDefinition): string[] {
  const addresses = auth.flatMap(entry => [...Object.values(entry), 'revoke' in entry ? entry.revoke?.url : undefined])
  return [baseUrl, ...hosts, ...addresses.filter(text => typeof text === 'string')]
}

function pickGiven<Field extends keyof IntegrationSettings>(
  settings: IntegrationSettings,
  fields: readonly Field[],
): { [Name in Field]?: NonNullable<IntegrationSettings[Name]> } {
  const given = fields.flatMap(field => (settings[field] == null ? [] : [[field, settings[field]]]))
  return Object.fromEntries(given)
}

function refuseOAuth(definition: IntegrationDefinition, fields: readonly string[]): ErrorDetail[] {
  return fields.map(field => ({
    field,
    message: `${field} is of no use here: ${definition.name} takes ${definition.auth.map(({ scheme }) => scheme).join(', ')}.`,
  }))
}

/** `.auth.1.tokenUrl` is `tokenUrl` to whoever wrote the settings. */
function renameField(detail: ErrorDetail): ErrorDetail {
  const field = detail.field.replace(/^\.auth\.\d+\./, '').replace(/^\./, '')
  return { field, message: `${field}${detail.message.slice(detail.field.length)}` }
}
