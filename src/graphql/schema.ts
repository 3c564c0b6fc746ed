/** The schema: every noun's part, put together. */
import './access-keys.ts'
import './audit-events.ts'
import './calls.ts'
import './connect-sessions.ts'
import './connection-events.ts'
import './connections.ts'
import './encryption-keys.ts'
import './explain.ts'
import './integrations.ts'
import './passthrough.ts'
import './sessions.ts'
import './viewer.ts'
import './webhooks.ts'
import './workspaces.ts'
import { type GraphQLSchema, lexicographicSortSchema } from 'graphql'
import { builder } from './builder.ts'

export const schema: GraphQLSchema = lexicographicSortSchema(builder.toSchema())
