/** The shape of an integration's definition: the same for a catalog file, `createIntegration` and the JSON Schema. */
import { compile } from 'json-p3'
import * as z from 'zod'
import { singularPath } from '../auth/entry-fields.ts'
import { headerNamePattern, isFramingHeader } from '../auth/header-names.ts'
import { headerRecord } from '../auth/header-record.ts'
import { authEntrySchema } from '../auth/scheme.ts'
import { strictObject } from '../auth/strict-object.ts'
import { actionsSchema } from './action.ts'
import { checkInjected } from './action-check.ts'
import { checkDefinition } from './check.ts'
import type { ConfigField } from './config-value.ts'
import { explainPattern } from './pattern.ts'

/** Messages say what a field takes, as a noun phrase: `describeIssues` puts the field and its value in front. */
const slug = z
  .string('a slug')
  .regex(/^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/, 'a slug: 1 to 63 lower-case letters, digits and inner hyphens')

const url = z.url({ protocol: /^https?$/, error: 'an http(s) URL' }).max(2048, 'a URL of at most 2048 characters')

const headerName = z
  .string('a header name')
  .regex(headerNamePattern, 'a header name (an HTTP token of at most 128 characters)')
  .transform(name => name.toLowerCase())

const parameter = text('a parameter name', 128)

const jsonPath = z
  .string('a JSONPath')
  .max(500, 'a JSONPath of at most 500 characters')
  .refine(isJsonPath, 'a JSONPath (RFC 9535) such as $.paging.next')

const pattern = z.string('a pattern').superRefine((value, context) => {
  const takes = explainPattern(value)
  if (takes !== undefined) context.addIssue({ code: 'custom', message: takes })
})

const configField = strictObject({
  title: text('a title', 80).describe('What a form calls the field.'),
  description: text('a description', 500).optional(),
  pattern: pattern.optional().describe('RE2 syntax; the whole value must match.'),
  example: text('an example', 512).optional(),
  default: text('a default', 512).optional().describe('Used when a connection gives no value.'),
}).describe('A value each connection gives, named in baseUrl or hosts as {field}.')

const staticHeaders = headerRecord(
  name => isFramingHeader(name) || name === 'authorization',
  'any header but authorization, host, content-length and hop-by-hop ones',
  z
    .string('a header value')
    .regex(/^[\x21-\x7e](?:[\x20-\x7e]*[\x21-\x7e])?$/, 'visible ASCII without space at either end')
    .max(1024, 'a value of at most 1024 characters'),
)

const retry = strictObject({
  after: headerName.optional().describe('Header that says how long to wait: seconds or an HTTP date.'),
  at: headerName.optional().describe('Header that says when to come back: Unix seconds or a date.'),
  remaining: headerName.optional().describe('Header with the number of calls left; at 0 the limit is spent.'),
  statuses: z
    .array(
      z.int('a status').min(200, 'a status from 200 to 599').max(599, 'a status from 200 to 599'),
      'a list of statuses',
    )
    .max(50, 'at most 50 statuses')
    .optional()
    .describe('Statuses besides the usual ones after which a call may be tried again.'),
  bodyPattern: pattern.optional().describe('RE2 pattern; a body it is found in says that a limit is spent.'),
  separateLimits: z
    .array(
      z
        .string('a path')
        .regex(/^(?:\/(?:\*|[\w.:-]+))+$/, 'a path such as /search, with * for a whole segment')
        .max(100, 'a path of at most 100 characters'),
      'a list of paths',
    )
    .max(50, 'at most 50 paths')
    .optional()
    .describe(
      'Paths below the base URL that the vendor limits apart from all others: `/search` has one limit for it and all below, `/*` one for each first segment; the longest that fits counts.',
    ),
}).describe('How this vendor says that a call should be tried again.')

const paging = {
  limitParam: parameter.optional().describe('Query parameter for the size of a page.'),
  itemsPath: jsonPath.optional().describe('JSONPath of the items in a page.'),
}

const pagination = z
  .discriminatedUnion(
    'type',
    [
      strictObject({ type: z.literal('link'), ...paging }).describe('RFC 8288: the Link header with rel="next".'),
      strictObject({ type: z.literal('cursor'), cursorParam: parameter, cursorPath: jsonPath, ...paging }),
      strictObject({ type: z.literal('offset'), offsetParam: parameter, ...paging }),
      strictObject({ type: z.literal('page'), pageParam: parameter, ...paging }),
      strictObject({ type: z.literal('nextUrl'), urlPath: jsonPath, ...paging }),
    ],
    { error: 'an object whose type is one of link, cursor, offset, page, nextUrl' },
  )
  .describe('How most of the lists of this vendor go on to the next page.')

const verify = strictObject({
  method: z.enum(['GET', 'POST'], 'GET or POST').optional(),
  path: z
    .string('a path')
    .max(1024, 'a path of at most 1024 characters')
    .regex(/^\/(?!\/)[^\s\\#{}]*$/, 'a path below the base URL that starts with one slash'),
  ok: singularPath
    .optional()
    .describe('For vendors that answer 200 whatever: what is found here says true or false. A singular JSONPath.'),
  refused: z
    .array(
      z.int('a status').min(400, 'a status from 400 to 499').max(499, 'a status from 400 to 499'),
      'a list of statuses',
    )
    .min(1, 'at least one status')
    .max(5, 'at most 5 statuses')
    .refine(statuses => new Set(statuses).size === statuses.length, 'each status once')
    .optional()
    .describe(
      'Statuses, each once, that mean that the credential is not good: 401 and 403 unless given. Any other 4xx says neither yes nor no. For vendors that answer 403 to a good credential that may not make this request: 401 alone.',
    ),
  account: strictObject({
    id: singularPath.optional(),
    name: singularPath.optional(),
    email: singularPath.optional(),
    url: singularPath.optional(),
  })
    .optional()
    .describe(
      'Where the answer says whose account this is; singular JSONPaths (RFC 9535 §2.3.5.1). A repair takes the same account only, by the strongest field that both answers have: id, else email, else name, else url.',
    ),
}).describe('A cheap call that proves a credential.')

export const integrationSchema = strictObject({
  $schema: z.string('the address of a JSON Schema').max(2048, 'a shorter address').optional(),
  slug: slug.describe('Names the integration everywhere; unique within a workspace.'),
  name: text('a name', 80),
  description: text('a description', 500).optional(),
  icon: z
    .string('an icon')
    .regex(/^[a-z0-9]{1,63}$/, 'the name of an icon: lower-case letters and digits')
    .optional()
    .describe('The mark of the vendor in Simple Icons (simpleicons.org), by its slug.'),
  categories: z
    .array(
      z.string('a category').regex(/^[a-z0-9][a-z0-9-]{0,62}$/, 'a category: lower-case letters, digits, hyphens'),
      'a list',
    )
    .max(20, 'at most 20 categories')
    .default([]),
  docs: url.optional().describe("The vendor's API documentation."),
  sources: z.array(url, 'a list of URLs').max(50, 'at most 50 URLs').optional().describe('Where the facts come from.'),
  baseUrl: z
    .string('a URL')
    .max(2048, 'a URL of at most 2048 characters')
    .describe('What paths are relative to; may hold {config} placeholders. One at its start stands for a whole URL.'),
  hosts: z
    .array(z.string('a host').max(300, 'a host of at most 300 characters'), 'a list of hosts')
    .min(1, 'at least one host')
    .max(50, 'at most 50 hosts')
    .optional()
    .describe(
      'The pin set: host, host:port or *.suffix; the host of baseUrl unless given. A credential goes nowhere else.',
    ),
  config: z
    .record(
      z.string().regex(/^[a-zA-Z][a-zA-Z0-9_]{0,63}$/, 'a letter, then up to 63 letters, digits, underscores'),
      configField,
      {
        error: 'an object of fields',
      },
    )
    .refine(fields => Object.keys(fields).length <= 20, 'at most 20 fields')
    .optional(),
  auth: z
    .array(authEntrySchema, 'a list of schemes')
    .min(1, 'at least one scheme')
    .max(13, 'each scheme once')
    .describe('The ways to authenticate, each scheme once; the first is what a form offers first.'),
  headers: staticHeaders.optional().describe('Sent with every request unless the caller sets them.'),
  arrayFormat: z
    .enum(['repeat', 'comma', 'brackets', 'indices'], 'one of repeat, comma, brackets, indices')
    .default('repeat')
    .describe('How a list in the query is written: a=1&a=2, a=1,2, a[]=1&a[]=2 or a[0]=1&a[1]=2.'),
  retry: retry.optional(),
  idempotencyHeader: headerName
    .refine(name => !isFramingHeader(name) && name !== 'authorization', 'a header that is the caller’s to set')
    .optional()
    .describe('The header in which this vendor takes an idempotency key.'),
  methodParameters: z
    .array(parameter, 'a list of parameter names')
    .min(1, 'at least one name')
    .max(10, 'at most 10 names')
    .optional()
    .describe(
      'Parameters, of the query or the body, in which this vendor takes another method than that of the request, beside the usual `_method`: rules and scopes go by both.',
    ),
  pagination: pagination.optional(),
  verify: verify.optional(),
  actions: actionsSchema.optional(),
})
  .superRefine(checkDefinition)
  .superRefine(checkInjected)

export type IntegrationDefinition = Omit<z.output<typeof integrationSchema>, '$schema' | 'config'> & {
  readonly config?: Readonly<Record<string, ConfigField>> | undefined
}
export type ArrayFormat = IntegrationDefinition['arrayFormat']

function text(what: string, max: number): z.ZodString {
  const takes = `${what} of 1 to ${max} characters without control characters`
  return z
    .string(takes)
    .min(1, takes)
    .max(max, takes)
    .regex(/^\P{Cc}*$/u, takes)
}

function isJsonPath(path: string): boolean {
  try {
    compile(path)
    return true
  } catch {
    return false
  }
}
