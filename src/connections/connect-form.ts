/** What the connect page asks an end user for, and the credential that is made of the answers. */
import type { Credential } from '../auth/credential.ts'
import { parseCredential } from '../auth/credential.ts'
import type { AuthEntry } from '../auth/scheme.ts'
import { neededConfig } from '../catalog/needed-config.ts'
import { GatewayError, invalidFields } from '../errors.ts'
import type { ConnectField, ConnectMethod } from './connect-view.ts'
import type { Integration } from './integrations.ts'

type Values = Readonly<Record<string, string>>

/** A text that the end user types; secret unless told otherwise. */
interface Asked {
  readonly name: string
  readonly title: string
  readonly isSecret?: boolean
  readonly isOptional?: boolean
  readonly isMultiline?: boolean
  readonly description?: string | undefined
  readonly example?: string | undefined
}

/** The ways to connect that work for this workspace, in the order of the integration's definition. */
export function methodsOf(integration: Integration, hasClient: boolean): ConnectMethod[] {
  return integration.definition.auth.flatMap(entry => {
    const kind = kindOf(entry, hasClient)
    if (kind === undefined) return []
    return [{ scheme: entry.scheme, title: titles[entry.scheme], kind, fields: kind === 'form' ? fieldsOf(entry) : [] }]
  })
}

/** The config values that an end user is asked for: those that the vendor tells by itself are left out. */
export function configFieldsOf(integration: Integration, entry: AuthEntry, known: Values): ConnectField[] {
  const { definition } = integration
  const captured = Object.keys((entry.scheme === 'oauth2' && entry.captures) || {})
  return neededConfig(definition, entry)
    .filter(name => !captured.includes(name))
    .flatMap(name => {
      const field = definition.config?.[name]
      if (field === undefined) return []
      const { title, description, example } = field
      const value = known[name] ?? field.default
      const facts = { isSecret: false, isOptional: field.default !== undefined, isMultiline: false }
      return [{ name: `config.${name}`, title, description, example, value, ...facts }]
    })
}

/** What was typed under `config.`, without what was left empty. @throws {GatewayError} INVALID_INPUT for what is missing */
export function readConfig(integration: Integration, entry: AuthEntry, values: Values): Record<string, string> {
  const asked = configFieldsOf(integration, entry, {})
  const missing = asked.filter(field => !field.isOptional && (values[field.name] ?? '').trim() === '')
  if (missing.length > 0) {
    throw invalidFields(missing.map(({ name, title }) => ({ field: name, message: `${title} is missing.` })))
  }
  return Object.fromEntries(
    asked.flatMap(({ name }) => {
      const value = (values[name] ?? '').trim()
      return value === '' ? [] : [[name.slice('config.'.length), value]]
    }),
  )
}

/** @throws {GatewayError} INVALID_INPUT whose fields are named as the form names them */
export function readCredential(entry: AuthEntry, values: Values): Credential {
  const asked = fieldsOf(entry)
  const missing = asked.filter(field => !field.isOptional && (values[field.name] ?? '') === '')
  if (missing.length > 0) {
    throw invalidFields(missing.map(({ name, title }) => ({ field: name, message: `${title} is missing.` })))
  }
  const given = Object.fromEntries(
    asked.flatMap(({ name, isMultiline }) => {
      const value = isMultiline ? (values[name] ?? '').replaceAll('\r\n', '\n') : (values[name] ?? '').trim()
      return value === '' ? [] : [[name.slice('credential.'.length), value]]
    }),
  )
  return nameAsForm(() => parseCredential(shapeOf(entry, given)))
}

/** `credential.apiKey.key` and `credential.headers.fields.token` are `credential.key` and `credential.token` in a form. */
export function nameAsForm<Result>(check: () => Result): Result {
  try {
    return check()
  } catch (error) {
    throw renamed(error)
  }
}

export function renamed(error: unknown): unknown {
  if (!(error instanceof GatewayError) || error.details === undefined) return error
  const details = error.details.map(({ field, message }) => {
    const name = field.replace(/^credential\.\w+\.(?:fields\.)?/, 'credential.')
    return { field: name, message: message.replace(field, name) }
  })
  return new GatewayError(error.code === 'INTERNAL' ? 'INVALID_INPUT' : error.code, error.message, {
    details,
    cause: error,
  })
}

const titles: Readonly<Record<AuthEntry['scheme'], string>> = {
  none: 'Without an account',
  apiKey: 'API key',
  basic: 'User name and password',
  bearer: 'Access token',
  oauth2: 'Sign in',
  clientCredentials: 'Client id and secret',
  twoStep: 'Sign in with credentials',
  jwt: 'Signing key',
  jwtBearer: 'Service account',
  oauth1: 'Sign in',
  awsSigV4: 'AWS access key',
  headers: 'API keys',
  mtls: 'Client certificate',
}

function kindOf(entry: AuthEntry, hasClient: boolean): ConnectMethod['kind'] | undefined {
  if (entry.scheme === 'oauth2') {
    return hasClient && entry.authorizationUrl !== undefined && entry.tokenUrl !== undefined ? 'redirect' : undefined
  }
  if (entry.scheme === 'oauth1') {
    const { requestTokenUrl, authorizationUrl, accessTokenUrl } = entry
    const isComplete = requestTokenUrl !== undefined && authorizationUrl !== undefined && accessTokenUrl !== undefined
    return hasClient && isComplete ? 'redirect' : undefined
  }
  return 'form'
}

function fieldsOf(entry: AuthEntry): ConnectField[] {
  return askedOf(entry).map(
    ({ name, title, description, example, isSecret = true, isOptional = false, isMultiline = false }) => ({
      name: `credential.${name}`,
      title,
      description,
      example,
      isSecret,
      isOptional,
      isMultiline,
    }),
  )
}

function askedOf(entry: AuthEntry): Asked[] {
  switch (entry.scheme) {
    case 'apiKey':
      return [{ name: 'key', title: entry.labels?.apiKey ?? 'API key' }]
    case 'basic':
      return [
        { name: 'username', title: entry.labels?.username ?? 'User name', isSecret: false },
        { name: 'password', title: entry.labels?.password ?? 'Password', isOptional: true },
      ]
    case 'bearer':
      return [{ name: 'token', title: entry.labels?.accessToken ?? 'Access token' }]
    case 'clientCredentials':
      return [
        { name: 'clientId', title: entry.labels?.clientId ?? 'Client id', isSecret: false },
        { name: 'clientSecret', title: entry.labels?.clientSecret ?? 'Client secret' },
      ]
    case 'twoStep':
    case 'jwt':
    case 'jwtBearer':
    case 'headers':
      return Object.entries(entry.fields).map(([name, field]) => ({
        name,
        title: field.title,
        description: field.description,
        example: field.example,
        isSecret: field.secret,
        isOptional: field.optional,
        isMultiline: field.multiline,
      }))
    case 'awsSigV4':
      return [
        { name: 'accessKeyId', title: 'Access key id', isSecret: false },
        { name: 'secretAccessKey', title: 'Secret access key' },
        { name: 'sessionToken', title: 'Session token', isOptional: true },
      ]
    case 'mtls':
      return [
        { name: 'certificate', title: 'Certificate (PEM)', isSecret: false, isMultiline: true },
        { name: 'privateKey', title: 'Private key (PEM)', isMultiline: true },
        { name: 'passphrase', title: 'Passphrase of the private key', isOptional: true },
      ]
    default:
      return []
  }
}

function shapeOf(entry: AuthEntry, given: Values): unknown {
  switch (entry.scheme) {
    case 'basic':
      return { scheme: 'basic', password: '', ...given }
    case 'twoStep':
    case 'jwt':
    case 'jwtBearer':
    case 'headers':
      return { scheme: entry.scheme, fields: given }
    default:
      return { scheme: entry.scheme, ...given }
  }
}
