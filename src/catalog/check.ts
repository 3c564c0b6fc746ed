/** What must hold between the fields of a definition, once each of them has its shape. */
import type * as z from 'zod'
import type { AuthEntry, EntryOf } from '../auth/scheme.ts'
import { injectedNames } from '../auth/strategy.ts'
import { hasStrayBrace, parseTemplate, placeholdersOf, renderTemplate } from '../auth/template.ts'
import { isHostPattern, matchesHost } from '../hosts.ts'
import { baseUrlTakes, type FieldUse, fieldUses, fillBaseUrl, parseBaseUrl } from './base-url.ts'
import { acceptConfigValue, type ConfigField } from './config-value.ts'

interface Checked {
  readonly baseUrl: string
  readonly hosts?: readonly string[] | undefined
  readonly config?: Readonly<Record<string, ConfigField>> | undefined
  readonly auth: readonly AuthEntry[]
  readonly headers?: Readonly<Record<string, string>> | undefined
}

type Report = (path: (string | number)[], takes: string) => void

/** A refinement of the schema; like all its messages these say what the field takes. */
export function checkDefinition(definition: Checked, context: z.core.$RefinementCtx): void {
  if (context.issues.length > 0) return
  const report: Report = (path, takes) => context.addIssue({ code: 'custom', path, message: takes })
  checkAuth(definition, report)
  const template = parseBaseUrl(definition.baseUrl)
  const uses = fieldUses(definition.baseUrl, definition.hosts ?? [])
  if (template === undefined) report(['baseUrl'], baseUrlTakes)
  else if (checkNames(definition, uses, report) && checkConfig(definition, uses, report))
    checkPins(definition, fillBaseUrl(template, sampleConfig(definition, uses)), uses, report)
}

function checkAuth(definition: Checked, report: Report): void {
  const injected = new Set<string>()
  for (const [index, entry] of definition.auth.entries()) {
    if (definition.auth.findIndex(other => other.scheme === entry.scheme) < index)
      report(['auth', index, 'scheme'], 'each scheme once: a credential names its scheme only')
    for (const name of injectedNames(entry).headers) injected.add(name)
    for (const [field, text] of Object.entries(addressesOf(entry)))
      if (text !== undefined) checkAddress(definition, ['auth', index, ...field.split('.')], text, report)
    if (entry.scheme === 'awsSigV4' || entry.scheme === 'oauth1')
      for (const [field, text] of Object.entries(namesOf(entry))) {
        const unknown = placeholdersOf(text).find(name => !isField(definition, name))
        if (unknown !== undefined) report(['auth', index, field], `placeholders of config fields: {${unknown}} is none`)
      }
    if (entry.scheme !== 'oauth2') continue
    if (entry.sendsIssuer === true && entry.issuer === undefined)
      report(['auth', index, 'sendsIssuer'], 'a value only beside issuer, which the answers are held against')
    for (const name of Object.keys(entry.captures ?? {}))
      if (!isField(definition, name)) report(['auth', index, 'captures', name], 'a config field')
  }
  for (const name of Object.keys(definition.headers ?? {}))
    if (injected.has(name)) report(['headers', name], 'no value here: the header carries the credential')
}

/** What a signature is made for. */
function namesOf(entry: EntryOf<'awsSigV4' | 'oauth1'>): Readonly<Record<string, string>> {
  if (entry.scheme === 'oauth1') return entry.realm === undefined ? {} : { realm: entry.realm }
  return { service: entry.service, region: entry.region }
}

/** Where the gateway itself sends something secret, or an end user's browser, and who is believed there. */
function addressesOf(entry: AuthEntry): Readonly<Record<string, string | undefined>> {
  switch (entry.scheme) {
    case 'oauth2': {
      const { authorizationUrl, tokenUrl, refreshUrl, revocationUrl, revoke, issuer } = entry
      return { authorizationUrl, tokenUrl, refreshUrl, revocationUrl, 'revoke.url': revoke?.url, issuer }
    }
    case 'oauth1': {
      const { requestTokenUrl, authorizationUrl, accessTokenUrl } = entry
      return { requestTokenUrl, authorizationUrl, accessTokenUrl }
    }
    case 'clientCredentials':
    case 'jwtBearer':
    case 'twoStep':
      return { tokenUrl: entry.tokenUrl }
    default:
      return {}
  }
}

/** What a URL of a revocation may name besides config fields. */
const revocable = ['accessToken', 'refreshToken', 'clientId']

/**
 * End users give config values: one that decides about the host would send the workspace's client secret wherever they
 * like, unless the definition says what the value looks like.
 */
function checkAddress(definition: Checked, path: (string | number)[], text: string, report: Report): void {
  const names = placeholdersOf(text).filter(name => !(path.includes('revoke') && revocable.includes(name)))
  const unknown = names.find(name => !isField(definition, name))
  if (unknown !== undefined) report(path, `placeholders of config fields: {${unknown}} is none`)
  const authority = text.startsWith('{') ? text.slice(0, text.indexOf('}') + 1) : (text.split('/')[2] ?? '')
  const open = placeholdersOf(authority).find(
    name => isField(definition, name) && definition.config?.[name]?.pattern === undefined,
  )
  if (open !== undefined)
    report(path, `a host that nobody but its author decides about: {${open}} needs a pattern in config`)
}

/** Every placeholder is a config field, and every pinned host is a pattern once its placeholders are filled. */
function checkNames(definition: Checked, uses: ReadonlyMap<string, FieldUse>, report: Report): boolean {
  let good = true
  const refuse: Report = (path, takes) => {
    good = false
    report(path, takes)
  }
  for (const name of placeholdersOf(definition.baseUrl))
    if (!isField(definition, name)) refuse(['baseUrl'], `placeholders of config fields: {${name}} is none`)
  for (const [index, host] of (definition.hosts ?? []).entries()) {
    const names = placeholdersOf(host)
    const unknown = names.find(name => !isField(definition, name))
    const whole = names.find(name => uses.get(name) === 'url')
    if (unknown !== undefined) refuse(['hosts', index], `placeholders of config fields: {${unknown}} is none`)
    else if (whole !== undefined) refuse(['hosts', index], `no {${whole}}: it stands for a whole URL`)
    else if (hasStrayBrace(host) || !isHostPattern(fill(host, sampleConfig(definition, uses))))
      refuse(['hosts', index], 'a host name, host:port or *.suffix, without scheme or path')
  }
  return good
}

/** Examples and defaults are values that a connection could give. */
function checkConfig(definition: Checked, uses: ReadonlyMap<string, FieldUse>, report: Report): boolean {
  let good = true
  for (const [name, field] of Object.entries(definition.config ?? {})) {
    for (const key of ['example', 'default'] as const) {
      const value = field[key]
      if (value === undefined) continue
      const accepted = acceptConfigValue(field, uses.get(name), value)
      if ('value' in accepted) continue
      good = false
      report(['config', name, key], accepted.takes)
    }
  }
  return good
}

/** With the examples filled in, the base URL is a URL and lies inside its own pins. */
function checkPins(
  definition: Checked,
  url: URL | undefined,
  uses: ReadonlyMap<string, FieldUse>,
  report: Report,
): void {
  if (url === undefined) {
    report(['baseUrl'], `${baseUrlTakes}; with examples filled in it has to be a URL in its usual spelling`)
    return
  }
  const { hosts } = definition
  if (hosts === undefined || ![...uses.keys()].every(name => isSampled(definition.config?.[name]))) return
  const values = sampleConfig(definition, uses)
  if (!hosts.some(host => matchesHost(fill(host, values), url)))
    report(['hosts'], `patterns that cover the host of the base URL (${url.host})`)
}

/** A value for every field in use: its example, its default, or something of the right form. */
function sampleConfig(definition: Checked, uses: ReadonlyMap<string, FieldUse>): Record<string, string> {
  const values: Record<string, string> = {}
  for (const [name, use] of uses) {
    const field = definition.config?.[name] ?? { title: name }
    const sample = field.example ?? field.default ?? (use === 'url' ? 'https://host.example' : 'x')
    const accepted = acceptConfigValue({ title: name }, use, sample)
    values[name] = 'value' in accepted ? accepted.value : sample
  }
  return values
}

function isSampled(field: ConfigField | undefined): boolean {
  return field !== undefined && (field.pattern === undefined || (field.example ?? field.default) !== undefined)
}

function isField(definition: Checked, name: string): boolean {
  return Object.hasOwn(definition.config ?? {}, name)
}

function fill(text: string, values: Readonly<Record<string, string>>): string {
  return renderTemplate(parseTemplate(text), values)
}
