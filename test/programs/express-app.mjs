// `app.listen` makes the server, so that the program never sees it.
import express from 'express';

const app = express();
app.get('/', ({ ip }, res) => res.send(`hello ${ip}`));
app.listen(80, '::', () => console.log('ready'));
