/** The definition's format as a JSON Schema, for editors and for whoever writes definitions elsewhere. */
import * as z from 'zod'
import { integrationSchema } from './entry.ts'

/** JSON Schema 2020-12 of what the parser reads; rules between fields are the parser's alone. */
export function integrationJsonSchema(): object {
  const { $schema, ...schema } = z.toJSONSchema(integrationSchema, { io: 'input', target: 'draft-2020-12' })
  return {
    $schema,
    title: 'Passgate integration',
    description: 'A service that can be called: where it is, how a request is proved to it, how it behaves.',
    ...schema,
  }
}
