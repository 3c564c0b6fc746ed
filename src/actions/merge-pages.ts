/** One page of two lists that are sorted alike, from the same page of each. */
import { type Page, type PageArgs, standardSize } from '../store/page.ts'

/** @param args those that both pages were asked for with; no key is in both lists */
export function mergePages<Node>(
  one: Page<Node>,
  other: Page<Node>,
  keyOf: (node: Node) => string,
  args: PageArgs,
): Page<Node> {
  const size = args.first ?? args.last ?? standardSize
  const sorted = [...one.edges, ...other.edges].sort((a, b) => (keyOf(a.node) < keyOf(b.node) ? -1 : 1))
  const isBackward = args.last != null
  const isCut = sorted.length > size
  return {
    edges: isBackward ? sorted.slice(-size) : sorted.slice(0, size),
    hasNextPage: one.hasNextPage || other.hasNextPage || (isCut && !isBackward),
    hasPreviousPage: one.hasPreviousPage || other.hasPreviousPage || (isCut && isBackward),
  }
}
