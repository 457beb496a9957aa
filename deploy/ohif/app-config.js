// OHIF 3.13 at the address /ohif of the server that also gives firstread's pages: see docs/how-to/ohif.md.
const drawn = {};
let leaving = false;

window.config = {
  routerBasename: '/ohif',
  extensions: [],
  modes: [],
  showStudyList: true,
  showErrorDetails: 'production',
  defaultDataSourceName: 'firstread',
  dataSources: [
    {
      namespace: '@ohif/extension-default.dataSourcesModule.dicomweb',
      sourceName: 'firstread',
      configuration: {
        friendlyName: 'firstread',
        name: 'firstread',
        qidoRoot: '/dicom-web',
        wadoRoot: '/dicom-web',
        wadoUriRoot: '/dicom-web',
        imageRendering: 'wadors',
        thumbnailRendering: 'thumbnail',
        thumbnailRequestStrategy: 'fetch',
        enableStudyLazyLoad: true,
        qidoSupportsIncludeField: true,
        supportsFuzzyMatching: true,
        supportsWildcard: true,
        bulkDataURI: { enabled: true },
        singlepart: 'bulkdata',
        omitQuotationForMultipartRequest: true,
      },
    },
  ],
  // The session has ended, or there was none: log in, and come back.
  httpErrorHandler: ({ status }) => {
    if (status !== 401 || leaving) return;
    leaving = true; // OHIF goes to a page of its own meanwhile, which is not the one to come back to
    location.assign(`/login?next=${encodeURIComponent(location.pathname + location.search)}`);
  },
  customizationService: {
    // What is said of the study as a whole has no line in an image. OHIF 3.13 fails on that, and shows nothing of the
    // report: have it show the image of the first finding instead.
    onBeforeSRAddMeasurement: {
      $set: ({ measurement, SeriesInstanceUID }) => {
        if (measurement.coords[0]?.GraphicType) {
          drawn[SeriesInstanceUID] = measurement;
        } else {
          const { displaySetInstanceUID, viewReference, imageId } = drawn[SeriesInstanceUID] ?? {};
          Object.assign(measurement, { coords: [{}], displaySetInstanceUID, viewReference, imageId });
        }
        return measurement;
      },
    },
  },
};
