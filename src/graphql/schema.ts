/** The schema: every noun's part, put together. */
import './access-keys.ts'
import './calls.ts'
import './connect-sessions.ts'
import './connections.ts'
import './encryption-keys.ts'
import './explain.ts'
import './integrations.ts'
import './passthrough.ts'
import './viewer.ts'
import { type GraphQLSchema, lexicographicSortSchema } from 'graphql'
import { builder } from './builder.ts'

export const schema: GraphQLSchema = lexicographicSortSchema(builder.toSchema())
