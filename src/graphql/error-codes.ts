/** The published error codes as an enum, from the one table. */
import { type ErrorCode, errorCodes } from '../errors.ts'
import { builder } from './builder.ts'

const entries = Object.entries(errorCodes) as [ErrorCode, { meaning: string }][]

export const ErrorCodeType = builder.enumType('ErrorCode', {
  description: 'What the gateway itself would or could not do; the same words as `extensions.code` of an error.',
  values: Object.fromEntries(entries.map(([code, { meaning }]) => [code, { description: meaning }])) as Record<
    ErrorCode,
    { description: string }
  >,
})
