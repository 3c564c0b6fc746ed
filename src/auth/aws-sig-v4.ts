/** AWS Signature Version 4: each request is signed for one service in one region. */
import { GatewayError, invalidInput } from '../errors.ts'
import { type AwsOptions, createAwsSigner } from './aws-signature.ts'
import { expectScheme } from './expect-scheme.ts'
import { headerOf, type RequestSigner, type SignableRequest } from './request-signer.ts'
import type { EntryOf } from './scheme.ts'
import { type AuthStrategy, emptyInjection } from './strategy.ts'
import { parseTemplate, renderTemplate } from './template.ts'

type Place = Pick<AwsOptions, 'service' | 'region' | 'unsignedPayload'>

export function createAwsSigV4(entry: EntryOf<'awsSigV4'>): AuthStrategy {
  const placeOf = createPlace(entry)
  return (credential, { config }) => {
    expectScheme(credential, 'awsSigV4')
    const { accessKeyId, secretAccessKey, sessionToken } = credential
    const temporary = sessionToken === undefined ? {} : { sessionToken }
    const sign = createAwsSigner({ accessKeyId, secretAccessKey, ...temporary, ...placeOf(config) })
    return { ...emptyInjection, sign: refuseChunks(sign) }
  }
}

/** Whether a body has to be whole before it can be signed. */
export function coversBodies(entry: EntryOf<'awsSigV4'>, config: Readonly<Record<string, string>>): boolean {
  const stream: SignableRequest = {
    method: 'POST',
    origin: 'https://a.example',
    path: '/',
    headers: [],
    body: null,
    isStreamed: true,
  }
  // The signer itself is asked, so that what is taken in whole is what it would refuse.
  try {
    createAwsSigner({ accessKeyId: 'x', secretAccessKey: 'x', ...createPlace(entry)(config) })(stream, 0)
    return false
  } catch (error) {
    if (error instanceof GatewayError) return true
    throw error
  }
}

function createPlace(entry: EntryOf<'awsSigV4'>): (config: Readonly<Record<string, string>>) => Place {
  const service = parseTemplate(entry.service)
  const region = parseTemplate(entry.region)
  const { unsignedPayload = false } = entry
  return config => ({
    service: renderTemplate(service, config),
    region: renderTemplate(region, config),
    unsignedPayload,
  })
}

/**
 * Chunks that an SDK framed carry signatures or checksums under its own signature, which is replaced here
 * (https://docs.aws.amazon.com/AmazonS3/latest/API/sigv4-streaming.html): the frames would be stored as content.
 */
function refuseChunks(sign: RequestSigner): RequestSigner {
  return (request, nowMs) => {
    const codings = headerOf(request, 'content-encoding')?.toLowerCase().split(',') ?? []
    if (!codings.some(coding => coding.trim() === 'aws-chunked')) return sign(request, nowMs)
    const message =
      'A body in aws-chunked belongs to the signature of the SDK that wrote it, which is replaced here; send the plain body (in AWS SDKs: requestChecksumCalculation WHEN_REQUIRED).'
    throw invalidInput('headers.content-encoding', message)
  }
}
