/** A page of the store as a Relay connection. */
import type { Page } from '../store/page.ts'

export function toRelay<Node>(page: Page<Node>) {
  return {
    edges: page.edges,
    pageInfo: {
      hasNextPage: page.hasNextPage,
      hasPreviousPage: page.hasPreviousPage,
      startCursor: page.startCursor ?? page.edges.at(0)?.cursor ?? null,
      endCursor: page.endCursor ?? page.edges.at(-1)?.cursor ?? null,
    },
  }
}
