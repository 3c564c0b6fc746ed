/** A credential in the clear: the secret part of a connection, as it is sealed, opened and handed to a strategy. */
import * as z from 'zod'
import { invalidFields } from '../errors.ts'
import { usableSchemes } from './scheme.ts'

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
const secret = text(1)

const credentialSchema = z.discriminatedUnion(
  'scheme',
  [
    z.strictObject({ scheme: z.literal('none') }),
    z.strictObject({ scheme: z.literal('apiKey'), key: secret }),
    z.strictObject({ scheme: z.literal('basic'), username: secret, password: text(0) }),
    z.strictObject({ scheme: z.literal('bearer'), token: secret }),
    z.strictObject({
      scheme: z.literal('oauth2'),
      accessToken: secret,
      refreshToken: secret.optional(),
      expiresAt: z.iso.datetime({ offset: true, error: 'a date and time such as 2030-01-31T12:00:00Z' }).optional(),
      scopes: z.array(secret, { error: 'a list of scopes' }).max(1000, 'at most 1000 scopes').optional(),
    }),
  ],
  { error: `an object whose scheme is one of ${usableSchemes.join(', ')}` },
)

/** Secret text; a lone surrogate is refused too, because it cannot be encoded and would arrive as something else. */
function text(min: number): z.ZodType<string> {
  const takes = `${min} to ${maxSecretLength} characters without control characters`
  return z
    .string(takes)
    .min(min, takes)
    .max(maxSecretLength, takes)
    .refine(value => /^\P{Cc}*$/u.test(value) && value.isWellFormed(), takes)
}

function schemeOf(value: unknown): string | undefined {
  const scheme = typeof value === 'object' && value !== null && 'scheme' in value ? value.scheme : undefined
  return usableSchemes.find(name => name === scheme)
}
