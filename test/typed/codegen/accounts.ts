/** A frontend’s operations with the types that @graphql-codegen/client-preset makes from our schema. */
import type { ResultOf, VariablesOf } from '@graphql-typed-document-node/core'
import { type FragmentType, graphql, useFragment as readFragment } from './gql'

const accountFields = graphql(`
  fragment AccountFields on Connection {
    id
    endUserId
    status
    metadata
    usedAt: lastUsedAt
  }
`)

export const listAccounts = graphql(`
  query ListAccounts($first: Int, $after: String, $filter: ConnectionFilter) {
    connections(first: $first, after: $after, filter: $filter) {
      nodes {
        ...AccountFields
      }
      pageInfo {
        hasNextPage
        endCursor
      }
    }
  }
`)

export const callVendor = graphql(`
  query CallVendor($id: ID!, $path: String!, $query: JSONObject) {
    passthrough(connectionId: $id, path: $path, query: $query) {
      status
      body
      headers {
        name
        value
      }
    }
  }
`)

export function describeAccount(account: FragmentType<typeof accountFields>): string {
  const { endUserId, status } = readFragment(accountFields, account)
  switch (status) {
    case 'NEEDS_REAUTH':
      return `${endUserId} has to connect again`
    default:
      return endUserId
  }
}

export function describePage({ connections }: ResultOf<typeof listAccounts>): string[] {
  return connections.nodes.map(describeAccount)
}

export const wanted: VariablesOf<typeof listAccounts> = { first: 20, filter: { status: 'ACTIVE' } }

/** Null when the gateway refused; the vendor’s own errors have a status. */
export function statusOf({ passthrough }: ResultOf<typeof callVendor>): number | null {
  return passthrough?.status ?? null
}
