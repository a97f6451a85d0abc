// Shows a stream of server-sent events below the operation that opened it, until the tester stops it.
//
// Swagger UI shows a response only when it is complete, and a stream never is. So this function reads the stream until it
// is stopped, and returns the text that has arrived as the response.
export async function showEvents(operation, response, stop) {
  const block = document.querySelector(`.opblock[id$='-${operation}'] .opblock-body`);
  const panel = document.createElement("section");
  panel.className = "event-stream";
  panel.innerHTML =
    "<h4>Event stream</h4><p>Connected. Events appear here as they arrive: change a record in another tab.</p>" +
    "<pre></pre><button class='btn' type='button'>Stop</button>";
  block.querySelector(".responses-wrapper").before(panel);
  const stopReading = () => stop.abort();
  panel.querySelector("button").addEventListener("click", stopReading);
  const watcher = setInterval(() => panel.isConnected || stopReading(), 1000); // the operation may be collapsed
  let text = "";
  try {
    for await (const part of read(response.body)) {
      text += part;
      panel.querySelector("pre").textContent = text;
    }
  } catch (error) {
    if (error.name !== "AbortError") text += `: ${error.message}\n`;
  } finally {
    clearInterval(watcher);
    panel.remove();
  }
  const shown = new Response(text, { status: response.status, headers: response.headers });
  Object.defineProperty(shown, "url", { value: response.url });
  return shown;
}

async function* read(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  for (let part = await reader.read(); !part.done; part = await reader.read()) yield part.value;
}
