/** AWS Signature Version 4: each request is signed for one service in one region. */
import { createAwsSigner } from './aws-signature.ts'
import { expectScheme } from './expect-scheme.ts'
import type { EntryOf } from './scheme.ts'
import { type AuthStrategy, emptyInjection } from './strategy.ts'
import { parseTemplate, renderTemplate } from './template.ts'

export function createAwsSigV4(entry: EntryOf<'awsSigV4'>): AuthStrategy {
  const service = parseTemplate(entry.service)
  const region = parseTemplate(entry.region)
  return (credential, { config }) => {
    expectScheme(credential, 'awsSigV4')
    const { accessKeyId, secretAccessKey, sessionToken } = credential
    const sign = createAwsSigner({
      accessKeyId,
      secretAccessKey,
      ...(sessionToken === undefined ? {} : { sessionToken }),
      service: renderTemplate(service, config),
      region: renderTemplate(region, config),
      unsignedPayload: entry.unsignedPayload ?? false,
    })
    return { ...emptyInjection, sign }
  }
}
