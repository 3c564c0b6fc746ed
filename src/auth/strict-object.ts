/** An object schema that refuses unknown fields and, in its messages, names the fields it knows. */
import * as z from 'zod'

export function strictObject<Shape extends z.core.$ZodLooseShape>(shape: Shape): z.ZodObject<Shape, z.core.$strict> {
  const known = Object.keys(shape).join(', ')
  return z.strictObject(shape, {
    error: issue =>
      issue.code === 'unrecognized_keys' ? `only the fields ${known}` : `an object with the fields ${known}`,
  })
}
