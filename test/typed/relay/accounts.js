/** A frontend's documents for Relay, which its compiler proves against the schema. */
import { graphql } from 'relay-runtime'

export const list = graphql`
  query accountsListQuery($count: Int!) {
    ...accounts_connections @arguments(count: $count)
  }
`

export const connections = graphql`
  fragment accounts_connections on Query
  @argumentDefinitions(count: { type: "Int!" }, cursor: { type: "String" })
  @refetchable(queryName: "accountsPaginationQuery") {
    connections(first: $count, after: $cursor, orderBy: { field: END_USER_ID, direction: ASC })
      @connection(key: "accounts_connections") {
      edges {
        node {
          id
          ...accounts_connection
        }
      }
    }
  }
`

export const connection = graphql`
  fragment accounts_connection on Connection @refetchable(queryName: "accountsConnectionRefetchQuery") {
    endUserId
    status
    metadata
    integration {
      slug
    }
  }
`

export const call = graphql`
  query accountsCallQuery($id: ID!, $path: String!) {
    passthrough(connectionId: $id, path: $path) {
      status
      ok
      body
    }
  }
`

export const beside = graphql`
  query accountsBesideQuery($id: ID!) {
    works: passthrough(connectionId: $id, path: "/works") {
      status
    }
    fails: passthrough(connectionId: "conn_00000000000000000000000000", path: "/fails") @catch(to: RESULT) {
      status
    }
  }
`

export const change = graphql`
  mutation accountsChangeMutation($input: UpdateConnectionInput!) {
    updateConnection(input: $input) {
      connection {
        id
        metadata
      }
    }
  }
`

export const write = graphql`
  mutation accountsWriteMutation($id: ID!, $body: JSON) {
    passthrough(connectionId: $id, method: POST, path: "/notes", body: $body) {
      status
      body
    }
  }
`

export const events = graphql`
  subscription accountsEventsSubscription {
    connectionEvents(types: [CONNECTION_UPDATED]) {
      type
      connection {
        id
        metadata
      }
    }
  }
`
