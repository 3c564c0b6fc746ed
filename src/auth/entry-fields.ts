/** What the schemes of an integration's definition are written with: templates, places, URLs, scopes, form fields. */
import * as z from 'zod'
import { isFramingHeader } from './header-names.ts'
import { headerRecord } from './header-record.ts'
import { parseSingularPath } from './singular-path.ts'
import { strictObject } from './strict-object.ts'
import { hasStrayBrace } from './template.ts'

/** The messages of these schemas are what a field takes, as a noun phrase: the parser puts field and value in front. */
export const template: z.ZodString = z
  .string('a template such as "{apiKey}"')
  .min(1, 'a template that is not empty')
  .max(2048, 'a template of at most 2048 characters')
  .regex(/^\P{Cc}*$/u, 'a template without control characters')
  .refine(text => !hasStrayBrace(text), 'a template whose braces all belong to placeholders such as {apiKey}')

const parameterName = z.string().regex(/^\P{Cc}{1,128}$/u, 'a name of 1 to 128 characters without control characters')

/** Parameter name → template. */
export const parameters: z.ZodOptional<z.ZodRecord<z.ZodString, z.ZodString>> = z
  .record(parameterName, template, { error: 'an object with parameter names as fields' })
  .refine(entries => Object.keys(entries).length <= 20, 'at most 20 names')
  .optional()

export const headerTemplates = headerRecord(
  isFramingHeader,
  'any header but host, content-length and hop-by-hop ones',
  template,
)

export const injectSchema = strictObject({
  headers: headerTemplates.optional().describe('Header name → template.'),
  query: parameters.describe('Query parameter name → template.'),
  body: parameters.describe('Field name → template, added to form and JSON object bodies.'),
}).describe('Where the credential goes. Templates see the fields of the credential only.')

export type InjectTemplates = z.output<typeof injectSchema>

export const userPass = template
  .refine(text => text.replace(/\{[^{}]*\}/g, '').includes(':'), 'a template with a colon between user and password')
  .optional()
  .describe('What {basic} is the base64 of; {username}:{password} unless given. Example: {username}/token:{password}.')

export const urlTemplate: z.ZodString = z
  .string('a URL')
  .max(2048, 'a URL of at most 2048 characters')
  .regex(/^(?:https?:\/\/|\{)[^\s\\#]+$/, 'an http(s) URL without fragment, which may hold {config} placeholders')
  .refine(text => !hasStrayBrace(text), 'a URL whose braces all belong to placeholders')
  .refine(text => !/^[^/]*\/\/[^/?]*@/.test(text), 'a URL without a user and password')

export const scopes = z
  .array(
    z
      .string('a scope')
      .regex(/^[\x21\x23-\x5b\x5d-\x7e]+$/, 'a scope: visible ASCII without space, quote or backslash'),
    { error: 'a list of scopes' },
  )
  .max(500, 'at most 500 scopes')
  .optional()
  .describe('Scopes asked for unless a workspace names others.')

/** RFC 9535 §2.3.5.1: at most one value, found without a search. */
export const singularPath: z.ZodString = z
  .string('a path')
  .max(500, 'a path of at most 500 characters')
  .refine(
    text => parseSingularPath(text) !== undefined,
    'a singular JSONPath (RFC 9535): names and indexes only, such as $.authed_user.access_token',
  )

const title = z.string('a title').min(1, 'a title').max(80, 'a title of at most 80 characters')

/** What a form calls the fields of a credential. */
export function labels<Name extends string>(names: readonly Name[]) {
  const shape = Object.fromEntries(names.map(name => [name, title.optional()])) as Record<
    Name,
    z.ZodOptional<z.ZodString>
  >
  return strictObject(shape).optional().describe('What a form calls the fields of the credential.')
}

const credentialField = strictObject({
  title: title.describe('What a form calls the field.'),
  description: z.string('a description').max(500, 'a description of at most 500 characters').optional(),
  example: z.string('an example').max(512, 'an example of at most 512 characters').optional(),
  secret: z.boolean('true or false').default(true).describe('False for what a form may show while it is typed.'),
  optional: z.boolean('true or false').default(false).describe('Templates that name an absent field are left out.'),
  multiline: z.boolean('true or false').default(false).describe('True for a private key in PEM.'),
})

/** The fields of a credential that the integration itself names. */
export const credentialFieldsSchema = z
  .record(
    z
      .string()
      .regex(/^[a-zA-Z][a-zA-Z0-9_]{0,63}$/, 'a letter, then up to 63 letters, digits, underscores')
      .refine(name => name !== 'accessToken' && name !== 'basic', 'any name but accessToken and basic'),
    credentialField,
    { error: 'an object of fields' },
  )
  .refine(fields => Object.keys(fields).length >= 1 && Object.keys(fields).length <= 10, 'an object of 1 to 10 fields')
  .describe('What a credential consists of; templates name these fields.')

export type CredentialFields = z.output<typeof credentialFieldsSchema>
