/** A browser's cookies, by name. */
export function cookieHeader(cookies) {
  return Object.entries(cookies)
    .map(([cookie, value]) => `${cookie}=${value}`)
    .join('; ')
}

export function keepCookies(cookies, lines = []) {
  for (const line of [lines].flat()) {
    const [, cookie, value] = /^([^=]+)=([^;]*)/.exec(line)
    if (/max-age=0/i.test(line)) delete cookies[cookie]
    else cookies[cookie] = value
  }
}
