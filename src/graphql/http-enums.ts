/** The words of HTTP requests that GraphQL names as enums. */
import { builder } from './builder.ts'

export const HttpMethod = builder.enumType('HttpMethod', {
  description: 'An HTTP method (RFC 9110, RFC 5789). Queries take the safe ones only.',
  values: {
    GET: { description: 'Safe: reads.' },
    HEAD: { description: 'Safe: reads headers only.' },
    OPTIONS: { description: 'Safe: asks what is possible.' },
    POST: { description: 'Creates or runs something.' },
    PUT: { description: 'Replaces something.' },
    PATCH: { description: 'Changes something in part.' },
    DELETE: { description: 'Removes something.' },
  },
})

export const BodyFormat = builder.enumType('BodyFormat', {
  description: 'How a body is written.',
  values: {
    JSON: { description: 'JSON text, `application/json`.' },
    FORM: { description: 'An object as `application/x-www-form-urlencoded`.' },
    MULTIPART: {
      description:
        'An object as `multipart/form-data`; a file is `{filename, contentType, text}` or `{filename, contentType, base64}`.',
    },
    TEXT: { description: 'A text as it is, `text/plain`.' },
    XML: { description: 'A text as it is, `application/xml`.' },
    BASE64: { description: 'The bytes of a base64 text, `application/octet-stream`.' },
  },
})

export const ArrayFormat = builder.enumType('ArrayFormat', {
  description: 'How an array is written in a query or a form.',
  values: {
    REPEAT: { description: '`a=1&a=2`' },
    COMMA: { description: '`a=1,2`' },
    BRACKETS: { description: '`a[]=1&a[]=2`' },
    INDICES: { description: '`a[0]=1&a[1]=2`' },
  },
})
