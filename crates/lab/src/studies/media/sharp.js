// What sharp does in the study of pictures. One thread, nothing kept between pictures.
const fs = require("node:fs");
const sharp = require("sharp");

sharp.concurrency(1);
sharp.cache(false);

const commands = {
  async convert(from, to, width, height) {
    const raw = { width: Number(width), height: Number(height), channels: 3 };
    await sharp(fs.readFileSync(from), { raw }).toFile(to);
  },

  // PNG in between, so that nothing is shrunk while it is decoded.
  async reference(from, to, width) {
    const whole = await sharp(from).png({ compressionLevel: 0 }).toBuffer();
    const pixels = await sharp(whole).resize(Number(width)).removeAlpha().raw().toBuffer();
    fs.writeFileSync(to, pixels);
  },

  async pixels(from, to) {
    fs.writeFileSync(to, await sharp(from).removeAlpha().raw().toBuffer());
  },

  async render(from, to, width, format, quality, pictures) {
    const sent = fs.readFileSync(from);
    const render = () =>
      sharp(sent).rotate().resize(Number(width)).toFormat(format, { quality: Number(quality) }).toBuffer();
    let rendered = await render();
    const before = process.cpuUsage();
    for (let count = 0; count < Number(pictures); count += 1) {
      rendered = await render();
    }
    const used = process.cpuUsage(before);
    fs.writeFileSync(to, rendered);
    console.log((used.user + used.system) / 1000 / Number(pictures));
  },
};

const [command, ...values] = process.argv.slice(2);
commands[command](...values);
