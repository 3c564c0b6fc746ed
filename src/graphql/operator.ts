/** The operator: an admin of the workspace that every store begins with. */
import type { Caller } from '../access/caller.ts'
import { GatewayError } from '../errors.ts'
import type { GraphQLContext } from './context.ts'

/** @param why as the start of the refusal's sentence. @throws {GatewayError} UNAUTHENTICATED, FORBIDDEN */
export function authorizeOperator(context: GraphQLContext, why: string): Caller {
  const caller = context.authorize('admin')
  if (caller.workspaceId === context.services.operatorWorkspaceId) return caller
  throw new GatewayError('FORBIDDEN', `${why}: this needs an admin key of the default workspace.`)
}
