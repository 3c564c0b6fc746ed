/** Which type an id names: the prefix of a TypeID says it. */
const typenames: Readonly<Record<string, string>> = {
  conn: 'Connection',
  int: 'Integration',
  key: 'AccessKey',
  ses: 'Session',
  call: 'Call',
  op: 'RegisteredOperation',
  aud: 'AuditEvent',
  whe: 'WebhookEndpoint',
  whd: 'WebhookDelivery',
}

/** The GraphQL type an id belongs to; undefined when the prefix names none. */
export function typenameOf(id: string): string | undefined {
  const prefix = id.slice(0, id.lastIndexOf('_'))
  return Object.hasOwn(typenames, prefix) ? typenames[prefix] : undefined
}
