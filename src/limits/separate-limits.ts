/** Which of a vendor's limits a request counts against, where the vendor limits some of its paths apart from the others. */

/** Longer names are no resource of a vendor's. */
const maxLength = 200

/**
 * @param path of the request below the base URL, perhaps with a query
 * @param patterns `/search` is one limit for it and all below; in `/*` each value of the segment has a limit of its own
 * @returns what the longest pattern that fits matched; empty for the limit of all other paths
 */
export function limitOf(path: string, patterns: readonly string[]): string {
  const segments = segmentsOf(path.split('?', 1)[0] ?? '')
  let longest = ''
  let length = 0
  for (const pattern of patterns) {
    const wanted = segmentsOf(pattern)
    if (wanted.length <= length || wanted.length > segments.length) continue
    if (!wanted.every((segment, at) => segment === '*' || segment === segments[at])) continue
    length = wanted.length
    longest = `/${segments.slice(0, length).join('/')}`
  }
  return longest.length > maxLength ? '' : longest
}

/** As most servers read them: `%73earch` is `search`. */
function segmentsOf(path: string): string[] {
  const read = path.replace(/%(?:2d|2e|5f|7e|3\d|[46][1-9a-f]|[57][0-9a])/gi, decodeURIComponent)
  return read.split('/').filter(segment => segment !== '')
}
