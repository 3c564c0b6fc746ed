/** What may differ between an answer that came directly and one through the raw route, each with its reason. */

/** Headers of an answer that belong to one hop or one moment. */
export const answerHeaders: ReadonlyMap<string, string> = new Map([
  ['connection', 'of each hop (RFC 9110 §7.6.1)'],
  ['keep-alive', 'of each hop'],
  ['transfer-encoding', 'of each hop'],
  ['date', 'the moment of the answer'],
  ['x-passgate-request-id', 'added by the gateway'],
  ['x-processed-time', 'how long the server took'],
])

/** Where an answer repeats the request, and why the gateway's is another. */
export const echoes: readonly (readonly [pattern: RegExp, replacement: string, reason: string])[] = [
  [/"Authorization":\s*"[^"]*"/g, '"Authorization":"…"', 'the credential in place of the access key'],
  [/"Host":\s*"[^"]*"/g, '"Host":"…"', 'the upstream’s own name in place of the gateway’s'],
  [/"Connection":\s*"[^"]*"/g, '"Connection":"…"', 'of each hop'],
  [/"uuid":\s*"[^"]*"/g, '"uuid":"…"', 'new each time'],
  [
    /http:\/\/127\.0\.0\.1:\d+(?:\/passthrough\/conn_[0-9a-z]{26})?(?=[/"<])/g,
    'http://…',
    'made of the Host, or rewritten',
  ],
  [/"headers":\s*\{([^}]*)\}/g, '', 'in the order of arrival, where the credential stands last'],
]

/** The text without what {@link echoes} allows; the headers that it repeats stay, sorted. */
export function withoutEchoes(text: string): string {
  return echoes.reduce(
    (left, [pattern, replacement]) =>
      left.replace(pattern, (_, fields: unknown) =>
        replacement === ''
          ? `"headers":{${String(fields)
              .trim()
              .split(/,\s*(?=")/)
              .sort()
              .join(',')}}`
          : replacement,
      ),
    text,
  )
}
