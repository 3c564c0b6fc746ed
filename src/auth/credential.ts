/** A credential in the clear: the secret part of a connection, as it is sealed, opened and handed to a strategy. */
import * as z from 'zod'
import { invalidFields } from '../errors.ts'
import { type SchemeName, schemeNames } from './scheme.ts'

/** A token that was obtained with what the end user gave; obtained anew when it ends. */
export interface MintedToken {
  readonly accessToken: string
  /** RFC 3339. */
  readonly expiresAt?: string | undefined
}

/** Values of the fields that an integration's entry names. */
export type FieldValues = Readonly<Record<string, string>>

export type Credential =
  | { readonly scheme: 'none' }
  | { readonly scheme: 'apiKey'; readonly key: string }
  | { readonly scheme: 'basic'; readonly username: string; readonly password: string }
  | { readonly scheme: 'bearer'; readonly token: string }
  | {
      readonly scheme: 'oauth2'
      readonly accessToken: string
      readonly refreshToken?: string | undefined
      /** RFC 3339. */
      readonly expiresAt?: string | undefined
      readonly scopes?: readonly string[] | undefined
    }
  | {
      readonly scheme: 'clientCredentials'
      readonly clientId: string
      readonly clientSecret: string
      readonly scopes?: readonly string[] | undefined
      readonly minted?: MintedToken | undefined
    }
  | { readonly scheme: 'twoStep'; readonly fields: FieldValues; readonly minted?: MintedToken | undefined }
  | { readonly scheme: 'jwt'; readonly fields: FieldValues; readonly minted?: MintedToken | undefined }
  | {
      readonly scheme: 'jwtBearer'
      readonly fields: FieldValues
      readonly scopes?: readonly string[] | undefined
      readonly minted?: MintedToken | undefined
    }
  | {
      readonly scheme: 'oauth1'
      readonly token: string
      readonly tokenSecret: string
      /** Absent: the workspace's own client at this vendor. */
      readonly consumerKey?: string | undefined
      readonly consumerSecret?: string | undefined
      /** PEM, for RSA-SHA1. */
      readonly privateKey?: string | undefined
    }
  | {
      readonly scheme: 'awsSigV4'
      readonly accessKeyId: string
      readonly secretAccessKey: string
      readonly sessionToken?: string | undefined
    }
  | { readonly scheme: 'headers'; readonly fields: FieldValues }
  | {
      readonly scheme: 'mtls'
      /** PEM; may hold the chain. */
      readonly certificate: string
      /** PEM. */
      readonly privateKey: string
      readonly passphrase?: string | undefined
    }

export type CredentialOf<Scheme extends SchemeName> = Extract<Credential, { scheme: Scheme }>

/**
 * Checks a credential that a caller gave or that was just opened. A refusal names the field as callers write it
 * (`credential.basic.username`) and never repeats a value.
 * @throws {GatewayError} INVALID_INPUT with one detail per wrong field
 */
export function parseCredential(value: unknown): Credential {
  const parsed = credentialSchema.safeParse(value)
  if (parsed.success) return parsed.data
  const scheme = schemeOf(value)
  const details = parsed.error.issues.flatMap(issue => {
    const path = ['credential', ...(scheme === undefined ? [] : [scheme]), ...issue.path.map(String)]
    if (issue.code !== 'unrecognized_keys')
      return [{ field: path.join('.'), message: `${path.join('.')} takes ${issue.message}.` }]
    return issue.keys.map(key => ({
      field: [...path, key].join('.'),
      message: `${[...path, key].join('.')} is not a field of a credential.`,
    }))
  })
  throw invalidFields(details)
}

const maxSecretLength = 16_384
const secret = text(1, /^\P{Cc}*$/u, 'without control characters')
/** Private keys in PEM have line breaks; where such a text would go into a header it is refused there. */
const pem = text(1, /^[\P{Cc}\r\n\t]*$/u, 'without control characters but line breaks')
const instant = z.iso.datetime({ offset: true, error: 'a date and time such as 2030-01-31T12:00:00Z' })
const scopes = z.array(secret, { error: 'a list of scopes' }).max(1000, 'at most 1000 scopes').optional()
const fields = z
  .record(z.string().max(64, 'a name of at most 64 characters'), pem, { error: 'an object of texts' })
  .refine(values => Object.keys(values).length <= 10, 'at most 10 fields')
const minted = z.strictObject({ accessToken: secret, expiresAt: instant.optional() }).optional()

const credentialSchema = z.discriminatedUnion(
  'scheme',
  [
    z.strictObject({ scheme: z.literal('none') }),
    z.strictObject({ scheme: z.literal('apiKey'), key: secret }),
    z.strictObject({
      scheme: z.literal('basic'),
      username: secret,
      password: text(0, /^\P{Cc}*$/u, 'without control characters'),
    }),
    z.strictObject({ scheme: z.literal('bearer'), token: secret }),
    z.strictObject({
      scheme: z.literal('oauth2'),
      accessToken: secret,
      refreshToken: secret.optional(),
      expiresAt: instant.optional(),
      scopes,
    }),
    z.strictObject({
      scheme: z.literal('clientCredentials'),
      clientId: secret,
      clientSecret: pem,
      scopes,
      minted,
    }),
    z.strictObject({ scheme: z.literal('twoStep'), fields, minted }),
    z.strictObject({ scheme: z.literal('jwt'), fields, minted }),
    z.strictObject({ scheme: z.literal('jwtBearer'), fields, scopes, minted }),
    z.strictObject({
      scheme: z.literal('oauth1'),
      token: secret,
      tokenSecret: text(0, /^\P{Cc}*$/u, 'without control characters'),
      consumerKey: secret.optional(),
      consumerSecret: secret.optional(),
      privateKey: pem.optional(),
    }),
    z.strictObject({
      scheme: z.literal('awsSigV4'),
      accessKeyId: secret,
      secretAccessKey: secret,
      sessionToken: secret.optional(),
    }),
    z.strictObject({ scheme: z.literal('headers'), fields }),
    z.strictObject({
      scheme: z.literal('mtls'),
      certificate: pem,
      privateKey: pem,
      passphrase: secret.optional(),
    }),
  ],
  { error: `an object whose scheme is one of ${schemeNames.join(', ')}` },
)

/** Secret text; a lone surrogate is refused too, because it cannot be encoded and would arrive as something else. */
function text(min: number, pattern: RegExp, without: string): z.ZodType<string> {
  const takes = `${min} to ${maxSecretLength} characters ${without}`
  return z
    .string(takes)
    .min(min, takes)
    .max(maxSecretLength, takes)
    .refine(value => pattern.test(value) && value.isWellFormed(), takes)
}

function schemeOf(value: unknown): string | undefined {
  const scheme = typeof value === 'object' && value !== null && 'scheme' in value ? value.scheme : undefined
  return schemeNames.find(name => name === scheme)
}
