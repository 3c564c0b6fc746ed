/** The shape of a hand-written action: a flat input, and where each of its fields goes in one request. */
import * as z from 'zod'
import { singularPath } from '../auth/entry-fields.ts'
import { headerRecord } from '../auth/header-record.ts'
import { strictObject } from '../auth/strict-object.ts'
import { checkAction, isReservedHeader } from './action-check.ts'

/** What callers of `executeAction` name: letters, digits and what separates words in operation ids. */
export const actionNamePattern = /^[A-Za-z0-9_][A-Za-z0-9_.\-/]{0,127}$/

const schemaObject = z.record(z.string(), z.unknown(), 'a JSON Schema')

const input = z
  .looseObject(
    {
      type: z.literal('object', 'object'),
      properties: z.record(
        z
          .string()
          .regex(/^[A-Za-z_][A-Za-z0-9_.-]{0,63}$/, 'a letter or underscore, then up to 63 letters, digits, _.-'),
        schemaObject,
        'an object of fields, each a JSON Schema',
      ),
      required: z.array(z.string('a field'), 'a list of fields').optional(),
      additionalProperties: z.union([z.boolean(), schemaObject], 'true, false or a JSON Schema').optional(),
      $defs: z.record(z.string(), schemaObject, 'an object of JSON Schemas').optional(),
    },
    'a JSON Schema of an object',
  )
  .default(() => ({ type: 'object' as const, properties: {}, additionalProperties: false }))
  .describe('JSON Schema (2020-12) of the flat input; patterns are RE2. Without it the action takes none.')

const place = 'a whole placeholder such as "{email}", or what is always sent'
const placed = z.union([z.string(), z.number(), z.boolean()], place)
const parameterName = z.string().regex(/^\P{Cc}{1,128}$/u, 'a name of 1 to 128 characters without control characters')

const failure = strictObject({
  path: singularPath.describe('Where an answer says so; a singular JSONPath.'),
  equals: z.union([z.string(), z.number(), z.boolean(), z.null()], 'text, a number, true, false or null'),
}).describe('What in an answer of any status says that the action failed.')

export const actionSchema = strictObject({
  description: z
    .string('a description')
    .min(1, 'a description of 1 to 500 characters')
    .max(500, 'a description of 1 to 500 characters'),
  docs: z
    .url({ protocol: /^https?$/, error: 'an http(s) URL' })
    .max(2048, 'a shorter URL')
    .optional(),
  method: z.enum(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'], 'an HTTP method in upper case'),
  path: z
    .string('a path')
    .max(1024, 'a path of at most 1024 characters')
    .regex(/^\/(?!\/)[\x21-\x7e]*$/, 'a path below the base URL that starts with one slash, in visible ASCII')
    .regex(/^[^?#\\]*$/, 'a path without query or fragment')
    .describe('Below the base URL; {field} is one encoded segment.'),
  input,
  query: z
    .record(parameterName, placed, 'an object of parameters')
    .optional()
    .describe('Parameter → "{field}", or what is always sent. Lists are written as arrayFormat says.'),
  headers: headerRecord(
    name => isReservedHeader(name) || name === 'authorization' || name === 'content-type',
    'any header but authorization, content-type, host, proxy-*, x-passgate-* and what frames a message',
    z
      .string('a header value')
      .max(1024, 'a value of at most 1024 characters')
      .regex(/^[\t\x20-\x7e\x80-\xff]*$/, 'a value without line breaks, control characters and what is beyond Latin-1'),
  )
    .optional()
    .describe('Header → "{field}", or what is always sent.'),
  body: z
    .unknown()
    .optional()
    .describe('JSON in which "{field}" stands for a field and "{*}" for an object of those without another place.'),
  contentType: z
    .enum(['application/json', 'application/x-www-form-urlencoded'], 'application/json or a form')
    .default('application/json')
    .describe('How the body is written.'),
  failure: failure.optional(),
  deprecated: z.boolean('true or false').optional(),
  example: schemaObject.optional().describe('An input that the schema takes; one is made up when absent.'),
})
  .superRefine(checkAction)
  .describe('A named request.')

export const actionsSchema = z
  .record(
    z.string().regex(actionNamePattern, 'a name of letters, digits and _.-/ with at most 128 characters'),
    actionSchema,
    'an object of actions by name',
  )
  .refine(actions => Object.keys(actions).length <= 200, 'at most 200 actions')
  .describe('Named requests with a checked, flat input, for executeAction.')

export type ActionEntry = z.output<typeof actionSchema>
