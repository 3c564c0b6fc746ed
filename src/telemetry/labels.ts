/** What may be a label's value: a few known words each, whatever callers and vendors send. */

const methods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'])

/** Method names are the caller's to invent. */
export function methodLabel(method: string): string {
  return methods.has(method) ? method : 'OTHER'
}

const statusClasses = ['1xx', '2xx', '3xx', '4xx', '5xx'] as const

/** @param status null when no answer came, or its head was never sent */
export function statusLabel(status: number | null): string {
  if (status === null) return 'none'
  return statusClasses[Math.floor(status / 100) - 1] ?? 'other'
}
