/** The schema of an object of headers: allowed names, each once, stored in lower case. */
import * as z from 'zod'
import { headerNamePattern } from './header-names.ts'

/** `refuses` says which names are not allowed here, `takes` says the same as a noun phrase of what is. */
export function headerRecord(
  refuses: (name: string) => boolean,
  takes: string,
  value: z.ZodType<string, string>,
): z.ZodType<Record<string, string>, Record<string, string>> {
  const name = z
    .string()
    .regex(headerNamePattern, 'a header name (an HTTP token of at most 128 characters)')
    .refine(text => !refuses(text.toLowerCase()), takes)
  return z
    .record(name, value, { error: 'an object with header names as fields' })
    .refine(headers => Object.keys(headers).length <= 50, 'at most 50 headers')
    .refine(namesDiffer, 'each header once: names that differ only in case are the same header')
    .transform(headers => Object.fromEntries(Object.entries(headers).map(([key, text]) => [key.toLowerCase(), text])))
}

function namesDiffer(headers: Record<string, string>): boolean {
  const names = Object.keys(headers)
  return new Set(names.map(name => name.toLowerCase())).size === names.length
}
