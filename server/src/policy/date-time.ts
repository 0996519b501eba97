// W3C's profile of ISO 8601: a year, a month, a day, or a time with a zone.
const isoDate =
  /^(\d{4})(?:-(\d{2})(?:-(\d{2})(?:T(\d{2}):(\d{2})(?::(\d{2})(?:\.(\d{1,9}))?)?(Z|[+-]\d{2}:?\d{2}))?)?)?$/
const epochSeconds = /^-?\d+(?:\.\d+)?$/

/**
 * Milliseconds since the epoch, of an ISO 8601 date or of seconds since the epoch; four digits are a year.
 * Undefined when it is neither.
 * @see AWS IAM User Guide, "Date condition operators"
 */
export function parseDateTime(text: string): number | undefined {
  const parts = isoDate.exec(text)
  if (parts === null) return epochSeconds.test(text) ? Number(text) * 1000 : undefined
  const [, year, month = '01', day = '01', hour = '00', minute = '00', second = '00', fraction = '0', zone] =
    parts
  const ms = Date.UTC(
    Number(year),
    Number(month) - 1,
    Number(day),
    Number(hour),
    Number(minute),
    Number(second),
  )
  const read = new Date(ms)
  // Date.UTC takes 31 February for a day of March.
  if (read.getUTCMonth() !== Number(month) - 1 || read.getUTCDate() !== Number(day)) return undefined
  if (Number(hour) > 23 || Number(minute) > 59 || Number(second) > 59) return undefined
  return ms + Number(`0.${fraction}`) * 1000 - zoneMs(zone)
}

function zoneMs(zone: string | undefined): number {
  if (zone === undefined || zone === 'Z') return 0
  const minutes = Number(zone.slice(1, 3)) * 60 + Number(zone.slice(-2))
  return (zone.startsWith('-') ? -minutes : minutes) * 60_000
}
