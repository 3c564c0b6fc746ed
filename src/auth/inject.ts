/** Fills an entry's templates with the fields of one credential. */
import { invalidInput } from '../errors.ts'
import { isHeaderValue } from './header-names.ts'
import type { InjectTemplates } from './scheme.ts'
import type { Injection } from './strategy.ts'
import { parseTemplate, renderTemplate, type TemplatePart } from './template.ts'

/** The values templates may name; `basic` is the base64 of user and password. */
export type TemplateValues = Readonly<Record<string, string>>

/** Reads the templates once; the returned function fills them per request. */
export function createInjector(templates: InjectTemplates): (values: TemplateValues) => Injection {
  const headers = compile(templates.headers)
  const query = compile(templates.query)
  const body = compile(templates.body)
  return values => ({
    headers: fill(headers, 'header', values, isHeaderValue),
    query: fill(query, 'query parameter', values, isPrintable),
    body: fill(body, 'body field', values, isPrintable),
  })
}

/** RFC 7617: base64 of the UTF-8 bytes of `user:password`, or of what the entry's own template makes of it. */
export function createUserPass(template: string): (values: TemplateValues) => string {
  const parts = parseTemplate(template)
  return values => Buffer.from(renderTemplate(parts, values), 'utf8').toString('base64')
}

type Compiled = readonly (readonly [name: string, parts: readonly TemplatePart[]])[]

function compile(templates: Readonly<Record<string, string>> | undefined): Compiled {
  return Object.entries(templates ?? {}).map(([name, template]) => [name, parseTemplate(template)])
}

function fill(
  compiled: Compiled,
  place: string,
  values: TemplateValues,
  accepts: (value: string) => boolean,
): Record<string, string> {
  // A template that names an optional field without a value is left out.
  const filled = compiled.filter(([, parts]) => parts.every(part => 'text' in part || Object.hasOwn(values, part.name)))
  return Object.fromEntries(
    filled.map(([name, parts]) => {
      const value = renderTemplate(parts, values)
      // The sentence names the place and never the value: it is a secret.
      if (accepts(value)) return [name, value]
      throw invalidInput('credential', `The credential has characters that cannot be sent in the ${place} ${name}.`)
    }),
  )
}

function isPrintable(value: string): boolean {
  return /^\P{Cc}*$/u.test(value) && value.isWellFormed()
}
