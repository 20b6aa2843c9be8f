// @ts-check

/** @typedef {{ id: string, username?: string, name: string, email?: string, picture?: string }} User */

/**
 * The Space's one page.
 *
 * @param {{ user: unknown, framed: boolean, message: string | undefined }} context
 */
export function page({ user, framed, message }) {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<title>Sign in with Hugging Face</title>
<style>
body{margin:0;min-height:100vh;display:grid;place-content:center;justify-items:center;text-align:center;font:17px/1.5 system-ui,sans-serif}
img{width:96px;height:96px;border-radius:50%;border:4px solid #ffc233}
h1{margin:.5rem 0}
p{margin:.25rem 1rem;overflow-wrap:anywhere}
.button{display:inline-block;margin:1rem;padding:.7rem 1.4rem;border:1px solid #e0a000;border-radius:999px;background:#ffc233;color:#2d2200;font:inherit;font-weight:600;text-decoration:none;cursor:pointer}
small{opacity:.7}
</style>
</head>
<body>
${message ? `<p role="status">${escaped(message)}</p>` : ''}
${user ? signedIn(/** @type {User} */ (user)) : signedOut(framed)}
</body>
</html>
`
}

/** @param {User} user */
function signedIn({ id, username, name, email, picture }) {
  return `${picture ? `<img src="${escaped(picture)}" alt="">` : ''}
<h1>Hello, ${escaped(name)}!</h1>
<p>@${escaped(username ?? id)}</p>
${email ? `<p>${escaped(email)}</p>` : ''}
<form method="post" action="/sign-out"><button class="button">Sign out</button></form>`
}

/** @param {boolean} framed */
function signedOut(framed) {
  return `<h1>Hello!</h1>
<a class="button" href="/auth/huggingface"${framed ? ' target="_blank"' : ''}>🤗 Sign in with Hugging Face</a>
${framed ? '<p><small>It opens in a new tab, and you go on there.</small></p>' : ''}`
}

/** @param {string} text */
function escaped(text) {
  return text.replace(/[&<>"']/g, (char) => `&#${char.charCodeAt(0)};`)
}
