/** The shape of one way to authenticate in an integration's definition: a scheme, and where its credential goes. */
import * as z from 'zod'
import { isFramingHeader } from './header-names.ts'
import { headerRecord } from './header-record.ts'
import { strictObject } from './strict-object.ts'
import { hasStrayBrace, placeholdersOf } from './template.ts'

/** Every scheme the format knows. */
export const schemeNames = [
  'none',
  'apiKey',
  'basic',
  'bearer',
  'oauth2',
  'clientCredentials',
  'twoStep',
  'jwt',
  'jwtBearer',
  'oauth1',
  'awsSigV4',
  'headers',
  'mtls',
] as const

/** The schemes that work in this version; the parser refuses the others. */
export const usableSchemes = ['none', 'apiKey', 'basic', 'bearer', 'oauth2'] as const

export type UsableScheme = (typeof usableSchemes)[number]

/** The credential's fields as templates name them; `{basic}` comes on top where there is a user and password to encode. */
const credentialFields = {
  apiKey: ['apiKey'],
  basic: ['username', 'password'],
  bearer: ['accessToken'],
  oauth2: ['accessToken'],
} as const satisfies Partial<Record<UsableScheme, readonly string[]>>

/** The messages of this schema are what a field takes, as a noun phrase: the parser puts field and value in front. */
const template = z
  .string('a template such as "{apiKey}"')
  .min(1, 'a template that is not empty')
  .max(2048, 'a template of at most 2048 characters')
  .regex(/^\P{Cc}*$/u, 'a template without control characters')
  .refine(text => !hasStrayBrace(text), 'a template whose braces all belong to placeholders such as {apiKey}')

const parameterName = z.string().regex(/^\P{Cc}{1,128}$/u, 'a name of 1 to 128 characters without control characters')

const parameters = z
  .record(parameterName, template, { error: 'an object with parameter names as fields' })
  .refine(entries => Object.keys(entries).length <= 20, 'at most 20 names')
  .optional()

const injectSchema = strictObject({
  headers: headerRecord(isFramingHeader, 'any header but host, content-length and hop-by-hop ones', template)
    .optional()
    .describe('Header name → template.'),
  query: parameters.describe('Query parameter name → template.'),
  body: parameters.describe('Field name → template, added to form and JSON object bodies.'),
}).describe('Where the credential goes. Templates see the fields of the credential only.')

const userPass = template
  .refine(text => text.replace(/\{[^{}]*\}/g, '').includes(':'), 'a template with a colon between user and password')
  .optional()
  .describe('What {basic} is the base64 of; {username}:{password} unless given. Example: {username}/token:{password}.')

const urlTemplate = z
  .string('a URL')
  .max(2048, 'a URL of at most 2048 characters')
  .regex(/^(?:https?:\/\/|\{)[^\s\\#]+$/, 'an http(s) URL without fragment, which may hold {config} placeholders')
  .refine(text => !hasStrayBrace(text), 'a URL whose braces all belong to placeholders')

const none = strictObject({ scheme: z.literal('none') }).describe('Nothing is added to requests.')

const apiKey = strictObject({
  scheme: z.literal('apiKey'),
  inject: injectSchema,
  userPass,
  labels: labels('apiKey'),
})
  .superRefine(checkTemplates)
  .describe('One secret text. Placeholder: {apiKey}, and {basic} when userPass is given.')

const basic = strictObject({
  scheme: z.literal('basic'),
  inject: injectSchema.optional(),
  userPass,
  labels: labels('basic'),
})
  .superRefine(checkTemplates)
  .describe(
    'User name and password. Placeholders: {username}, {password}, {basic}. Default: authorization: Basic {basic}.',
  )

const bearer = strictObject({
  scheme: z.literal('bearer'),
  inject: injectSchema.optional(),
  userPass,
  labels: labels('bearer'),
})
  .superRefine(checkTemplates)
  .describe('A token that does not expire. Placeholder: {accessToken}. Default: authorization: Bearer {accessToken}.')

const oauth2 = strictObject({
  scheme: z.literal('oauth2'),
  authorizationUrl: urlTemplate.optional().describe('RFC 6749 authorization endpoint; may hold {config} placeholders.'),
  tokenUrl: urlTemplate.optional().describe('RFC 6749 token endpoint; may hold {config} placeholders.'),
  scopes: z
    .array(
      z
        .string('a scope')
        .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'a scope: visible ASCII without space, quote or backslash'),
      {
        error: 'a list of scopes',
      },
    )
    .max(500, 'at most 500 scopes')
    .optional()
    .describe('Scopes asked for unless a workspace names others.'),
  inject: injectSchema.optional(),
  userPass,
  labels: labels('oauth2'),
})
  .superRefine(checkTemplates)
  .describe('An OAuth 2 access token. Placeholder: {accessToken}. Default: authorization: Bearer {accessToken}.')

export const authEntrySchema = z.discriminatedUnion('scheme', [none, apiKey, basic, bearer, oauth2], {
  error: describeScheme,
})

export type AuthEntry = z.output<typeof authEntrySchema>
export type InjectTemplates = z.output<typeof injectSchema>

/** Where the entry's credential goes, with the scheme's default filled in. */
export function injectOf(entry: AuthEntry | TemplatedEntry): InjectTemplates {
  if (entry.scheme === 'none') return {}
  if (entry.inject !== undefined) return entry.inject
  return { headers: { authorization: entry.scheme === 'basic' ? 'Basic {basic}' : 'Bearer {accessToken}' } }
}

function labels(scheme: keyof typeof credentialFields) {
  const title = z.string('a title').min(1, 'a title').max(80, 'a title of at most 80 characters').optional()
  return strictObject(Object.fromEntries(credentialFields[scheme].map(field => [field, title])))
    .optional()
    .describe('What a form calls the fields of the credential.')
}

function describeScheme(issue: { readonly code?: string | undefined; readonly input?: unknown }): string {
  const scheme =
    typeof issue.input === 'object' && issue.input !== null && 'scheme' in issue.input ? issue.input.scheme : undefined
  const takes = `one of ${usableSchemes.join(', ')}`
  if (issue.code !== 'invalid_union') return `an object whose scheme is ${takes}`
  return schemeNames.some(name => name === scheme)
    ? `${takes}: scheme ${String(scheme)} is not supported by this version`
    : takes
}

interface TemplatedEntry {
  readonly scheme: keyof typeof credentialFields
  readonly inject?: InjectTemplates | undefined
  readonly userPass?: string | undefined
}

/** Each template names only fields of its scheme, and together they use the credential. */
function checkTemplates(entry: TemplatedEntry, context: z.RefinementCtx): void {
  if (context.issues.length > 0) return
  const fields: readonly string[] = credentialFields[entry.scheme]
  const encodes = entry.scheme === 'basic' || entry.userPass !== undefined
  const used = new Set<string>()
  const check = (path: (string | number)[], text: string, allowed: readonly string[]): void => {
    for (const name of placeholdersOf(text)) {
      used.add(name)
      if (allowed.includes(name)) continue
      const takes = `placeholders of its scheme only (${allowed.map(field => `{${field}}`).join(', ')}): {${name}} is unknown`
      context.addIssue({ code: 'custom', path, message: takes })
    }
  }
  if (entry.userPass !== undefined) check(['userPass'], entry.userPass, fields)
  used.clear()
  for (const [place, named] of Object.entries(injectOf(entry)))
    for (const [name, text] of Object.entries(named ?? {}))
      check(['inject', place, name], text, encodes ? [...fields, 'basic'] : fields)
  if (used.size === 0)
    context.addIssue({ code: 'custom', path: ['inject'], message: 'templates that use the credential' })
  if (entry.userPass !== undefined && !used.has('basic'))
    context.addIssue({
      code: 'custom',
      path: ['userPass'],
      message: 'a value only where a template of inject uses {basic}',
    })
}
